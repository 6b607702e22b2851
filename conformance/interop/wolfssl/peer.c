/* A peer of wolfSSL with connection ids, over UDP on the loopback interface.
 *
 *   peer client 1.2|1.3 PORT ID_LENGTH   connects, has two messages echoed, the second from another port
 *   peer server 1.2|1.3 ID_LENGTH CERTIFICATE KEY   prints its port, echoes one connection's messages
 *
 * ID_LENGTH is that of the id that it wants to be sent; 0: none. Both print the id that they send with.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

static void fail(WOLFSSL *ssl, const char *what)
{
    fprintf(stderr, "%s: %d\n", what, ssl ? wolfSSL_get_error(ssl, -1) : 0);
    exit(1);
}

static int udp_socket(void)
{
    struct timeval patience = {10, 0};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in address = {0};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((unsigned short)port);
    return address;
}

static void want_id(WOLFSSL *ssl, unsigned int length)
{
    unsigned char id[255];
    memset(id, 'w', sizeof id);
    if (wolfSSL_dtls_cid_use(ssl) != WOLFSSL_SUCCESS)
        fail(ssl, "ids");
    if (length > 0 && wolfSSL_dtls_cid_set(ssl, id, length) != WOLFSSL_SUCCESS)
        fail(ssl, "an id");
}

static void print_id(WOLFSSL *ssl)
{
    unsigned char id[255];
    unsigned int length = 0, i;
    if (wolfSSL_dtls_cid_is_enabled(ssl))
        wolfSSL_dtls_cid_get_tx_size(ssl, &length);
    if (length > 0)
        wolfSSL_dtls_cid_get_tx(ssl, id, sizeof id);
    printf("%s ", wolfSSL_get_version(ssl));
    for (i = 0; i < length; i++)
        printf("%02x", id[i]);
    printf("\n");
    fflush(stdout);
}

static void echo(WOLFSSL *ssl, const char *message)
{
    char answer[100];
    int length = (int)strlen(message);
    if (wolfSSL_write(ssl, message, length) != length)
        fail(ssl, "write");
    if (wolfSSL_read(ssl, answer, sizeof answer) != length || memcmp(answer, message, (size_t)length) != 0)
        fail(ssl, "echo");
}

static void client(WOLFSSL_CTX *ctx, int port, unsigned int id_length)
{
    struct sockaddr_in server = loopback(port);
    WOLFSSL *ssl = wolfSSL_new(ctx);
    int fd = udp_socket();
    want_id(ssl, id_length);
    wolfSSL_dtls_set_peer(ssl, &server, sizeof server);
    wolfSSL_set_fd(ssl, fd);
    if (wolfSSL_connect(ssl) != WOLFSSL_SUCCESS)
        fail(ssl, "connect");
    print_id(ssl);
    echo(ssl, "from here");
    /* The old port stays taken, so that the new one is another. */
    wolfSSL_set_fd(ssl, udp_socket());
    echo(ssl, "from another port");
    close(fd);
    wolfSSL_shutdown(ssl);
}

static void server(WOLFSSL_CTX *ctx, unsigned int id_length)
{
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    WOLFSSL *ssl = wolfSSL_new(ctx);
    int fd = udp_socket(), length;
    char message[2000];
    bind(fd, (struct sockaddr *)&address, sizeof address);
    getsockname(fd, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    want_id(ssl, id_length);
    wolfSSL_set_fd(ssl, fd);
    if (wolfSSL_accept(ssl) != WOLFSSL_SUCCESS)
        fail(ssl, "accept");
    print_id(ssl);
    while ((length = wolfSSL_read(ssl, message, sizeof message)) > 0)
        if (wolfSSL_write(ssl, message, length) != length)
            fail(ssl, "write");
    if (wolfSSL_get_error(ssl, length) != WOLFSSL_ERROR_ZERO_RETURN)
        fail(ssl, "read");
}

int main(int argc, char **argv)
{
    int is_server = argc == 6 && strcmp(argv[1], "server") == 0;
    int is_13 = argc >= 3 && strcmp(argv[2], "1.3") == 0;
    WOLFSSL_CTX *ctx;
    if (!is_server && (argc != 5 || strcmp(argv[1], "client") != 0))
        return 2;
    wolfSSL_Init();
    if (is_server)
        ctx = wolfSSL_CTX_new(is_13 ? wolfDTLSv1_3_server_method() : wolfDTLSv1_2_server_method());
    else
        ctx = wolfSSL_CTX_new(is_13 ? wolfDTLSv1_3_client_method() : wolfDTLSv1_2_client_method());
    wolfSSL_CTX_set_verify(ctx, WOLFSSL_VERIFY_NONE, NULL);
    if (is_server) {
        if (wolfSSL_CTX_use_certificate_file(ctx, argv[4], WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS
            || wolfSSL_CTX_use_PrivateKey_file(ctx, argv[5], WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS)
            fail(NULL, "certificate");
        server(ctx, (unsigned int)atoi(argv[3]));
    } else {
        client(ctx, atoi(argv[3]), (unsigned int)atoi(argv[4]));
    }
    return 0;
}
