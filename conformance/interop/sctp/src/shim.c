/* A thin layer over usrsctp: no threads, AF_CONN, a clock that only the caller moves. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <usrsctp.h>

static uint64_t now_us;

/* The library is linked statically, so its calls come here. */
int gettimeofday(struct timeval *restrict tv, void *restrict tz) {
    (void)tz;
    uint64_t t = 1700000000000000ull + now_us;
    tv->tv_sec = (time_t)(t / 1000000u);
    tv->tv_usec = (suseconds_t)(t % 1000000u);
    return 0;
}

typedef void (*output_fn)(void *endpoint, const uint8_t *packet, size_t len);
static output_fn output;

static int on_output(void *endpoint, void *packet, size_t len, uint8_t tos, uint8_t df) {
    (void)tos;
    (void)df;
    output(endpoint, packet, len);
    return 0;
}

void shim_init(output_fn on_packet) {
    output = on_packet;
    usrsctp_init_nothreads(0, on_output, NULL);
    usrsctp_sysctl_set_sctp_blackhole(2);
    usrsctp_sysctl_set_sctp_no_csum_on_loopback(0);
    usrsctp_sysctl_set_sctp_ecn_enable(0);
    usrsctp_sysctl_set_sctp_asconf_enable(0);
    usrsctp_sysctl_set_sctp_auth_enable(0);
}

void shim_set_now(uint64_t microseconds) { now_us = microseconds; }
void shim_tick(uint32_t milliseconds) { usrsctp_handle_timers(milliseconds); }

static struct sockaddr_conn address(void *endpoint) {
    struct sockaddr_conn conn;
    memset(&conn, 0, sizeof conn);
    conn.sconn_family = AF_CONN;
    conn.sconn_port = htons(5000);
    conn.sconn_addr = endpoint;
    return conn;
}

static void set(struct socket *socket, int level, int name, const void *value, socklen_t len, const char *what) {
    if (usrsctp_setsockopt(socket, level, name, value, len) < 0) {
        perror(what);
        abort();
    }
}

/* What a socket told: resets done, resets failed, resets of the peer, closed in order, lost. */
struct told {
    int32_t done, failed, incoming, closed, lost;
};

static void note(struct told *told, const uint8_t *bytes, size_t len) {
    const union sctp_notification *notification = (const union sctp_notification *)bytes;
    if (len < sizeof notification->sn_header) return;
    switch (notification->sn_header.sn_type) {
    case SCTP_STREAM_RESET_EVENT: {
        uint16_t flags = notification->sn_strreset_event.strreset_flags;
        if (flags & (SCTP_STREAM_RESET_DENIED | SCTP_STREAM_RESET_FAILED)) told->failed++;
        else if (flags & SCTP_STREAM_RESET_OUTGOING_SSN) told->done++;
        else if (flags & SCTP_STREAM_RESET_INCOMING_SSN) told->incoming++;
        break;
    }
    case SCTP_ASSOC_CHANGE:
        told->closed |= notification->sn_assoc_change.sac_state == SCTP_SHUTDOWN_COMP;
        told->lost |= notification->sn_assoc_change.sac_state == SCTP_COMM_LOST;
        break;
    }
}

/* A socket that is bound; both ends connect, as browsers do. */
struct socket *shim_open(void *endpoint, uint32_t mtu, int buffer) {
    usrsctp_register_address(endpoint);
    usrsctp_sysctl_set_sctp_sendspace((uint32_t)buffer);
    usrsctp_sysctl_set_sctp_recvspace((uint32_t)buffer);
    struct socket *socket = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
    if (!socket) {
        perror("usrsctp_socket");
        abort();
    }
    usrsctp_set_non_blocking(socket, 1);
    int on = 1;
    set(socket, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on, "SCTP_NODELAY");
    set(socket, IPPROTO_SCTP, SCTP_RECVRCVINFO, &on, sizeof on, "SCTP_RECVRCVINFO");
    struct sctp_assoc_value resets = {.assoc_id = SCTP_ALL_ASSOC, .assoc_value = SCTP_ENABLE_RESET_STREAM_REQ};
    set(socket, IPPROTO_SCTP, SCTP_ENABLE_STREAM_RESET, &resets, sizeof resets, "SCTP_ENABLE_STREAM_RESET");
    uint16_t events[] = {SCTP_ASSOC_CHANGE, SCTP_STREAM_RESET_EVENT};
    for (int i = 0; i < 2; i++) {
        struct sctp_event event = {.se_assoc_id = SCTP_ALL_ASSOC, .se_type = events[i], .se_on = 1};
        set(socket, IPPROTO_SCTP, SCTP_EVENT, &event, sizeof event, "SCTP_EVENT");
    }
    struct sctp_initmsg streams = {.sinit_num_ostreams = 1024, .sinit_max_instreams = 2048};
    set(socket, IPPROTO_SCTP, SCTP_INITMSG, &streams, sizeof streams, "SCTP_INITMSG");
    struct sockaddr_conn own = address(endpoint);
    if (usrsctp_bind(socket, (struct sockaddr *)&own, sizeof own) < 0) {
        perror("usrsctp_bind");
        abort();
    }
    struct sctp_paddrparams path;
    memset(&path, 0, sizeof path);
    path.spp_assoc_id = SCTP_FUTURE_ASSOC;
    path.spp_flags = SPP_PMTUD_DISABLE;
    path.spp_pathmtu = mtu;
    set(socket, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof path, "SCTP_PEER_ADDR_PARAMS");
    return socket;
}

int shim_connect(struct socket *socket, void *endpoint) {
    struct sockaddr_conn peer = address(endpoint);
    int result = usrsctp_connect(socket, (struct sockaddr *)&peer, sizeof peer);
    return (result < 0 && errno != EINPROGRESS) ? errno : 0;
}

int shim_connected(struct socket *socket) {
    struct sctp_status status;
    socklen_t len = sizeof status;
    memset(&status, 0, sizeof status);
    if (usrsctp_getsockopt(socket, IPPROTO_SCTP, SCTP_STATUS, &status, &len) < 0) return 0;
    return status.sstat_state == SCTP_ESTABLISHED;
}

/* Reliable if `retransmissions` is negative. */
int shim_send(struct socket *socket, const uint8_t *bytes, size_t len, uint16_t stream, int unordered,
              int retransmissions) {
    struct sctp_sendv_spa how;
    memset(&how, 0, sizeof how);
    how.sendv_flags = SCTP_SEND_SNDINFO_VALID;
    how.sendv_sndinfo.snd_sid = stream;
    how.sendv_sndinfo.snd_flags = SCTP_EOR | (unordered ? SCTP_UNORDERED : 0);
    how.sendv_sndinfo.snd_ppid = htonl(53);
    if (retransmissions >= 0) {
        how.sendv_flags |= SCTP_SEND_PRINFO_VALID;
        how.sendv_prinfo.pr_policy = SCTP_PR_SCTP_RTX;
        how.sendv_prinfo.pr_value = (uint32_t)retransmissions;
    }
    return usrsctp_sendv(socket, bytes, len, NULL, 0, &how, sizeof how, SCTP_SENDV_SPA, 0) == (ssize_t)len;
}

/* Bytes of a message or of a part of one (`ended` tells); 0 for a notification, -1 for nothing. */
long shim_receive(struct socket *socket, uint8_t *bytes, size_t room, uint16_t *stream, int *ended,
                  struct told *told) {
    struct sctp_rcvinfo info;
    socklen_t info_len = sizeof info;
    struct sockaddr_conn from;
    socklen_t from_len = sizeof from;
    unsigned kind = 0;
    int flags = 0;
    ssize_t len = usrsctp_recvv(socket, bytes, room, (struct sockaddr *)&from, &from_len, &info, &info_len, &kind,
                                &flags);
    *ended = 0;
    if (len <= 0) return -1;
    if (flags & MSG_NOTIFICATION) {
        note(told, bytes, (size_t)len);
        return 0;
    }
    *stream = kind == SCTP_RECVV_RCVINFO ? info.rcv_sid : 0;
    *ended = (flags & MSG_EOR) != 0;
    return (long)len;
}

void shim_input(void *endpoint, const uint8_t *packet, size_t len) { usrsctp_conninput(endpoint, packet, len, 0); }

int shim_reset(struct socket *socket, uint16_t stream) {
    uint8_t bytes[sizeof(struct sctp_reset_streams) + sizeof(uint16_t)];
    struct sctp_reset_streams *request = (struct sctp_reset_streams *)bytes;
    memset(bytes, 0, sizeof bytes);
    request->srs_flags = SCTP_STREAM_RESET_OUTGOING;
    request->srs_number_streams = 1;
    request->srs_stream_list[0] = stream;
    return usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_RESET_STREAMS, request, sizeof bytes) == 0;
}

void shim_shutdown(struct socket *socket) { usrsctp_shutdown(socket, SHUT_WR); }

void shim_close(struct socket *socket, void *endpoint) {
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    usrsctp_setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    usrsctp_close(socket);
    usrsctp_deregister_address(endpoint);
}
