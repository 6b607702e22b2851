//! A ready driver that runs pollrtc peers on tokio and quinn-udp
