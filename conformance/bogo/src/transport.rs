//! Datagrams and commands over one TCP connection.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// What the runner says.
#[derive(Debug)]
pub(crate) enum Command {
    Datagram(Vec<u8>),
    /// Time passes.
    Advance(Duration),
    SetMtu(usize),
    /// From now on the first timeout of a flight is this.
    SetTimeout(Duration),
    /// When the next timeout must be, from now; `None`: there must be none.
    ExpectTimeout(Option<Duration>),
    /// It has closed the connection.
    End,
}

/// The connection to the runner.
pub(crate) struct Transport(TcpStream);

impl Transport {
    pub(crate) fn connect(ipv6: bool, port: u16, shim_id: u64) -> io::Result<Self> {
        let address = match ipv6 {
            true => SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
            false => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        };
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.write_all(&shim_id.to_le_bytes())?;
        Ok(Self(stream))
    }

    pub(crate) fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let length = u32::try_from(datagram.len()).map_err(io::Error::other)?;
        let mut frame = vec![b'P'];
        frame.extend_from_slice(&length.to_be_bytes());
        frame.extend_from_slice(datagram);
        self.0.write_all(&frame)
    }

    /// Waits for what comes next.
    pub(crate) fn receive(&mut self) -> io::Result<Command> {
        let mut opcode = [0];
        if self.0.read(&mut opcode)? == 0 {
            return Ok(Command::End);
        }
        Ok(match opcode[0] {
            b'P' => {
                let mut datagram = vec![0; u32::from_be_bytes(self.array()?) as usize];
                self.0.read_exact(&mut datagram)?;
                Command::Datagram(datagram)
            }
            b'T' => {
                let time = Duration::from_nanos(u64::from_be_bytes(self.array()?));
                // The runner takes what we send before this as sent before the time has passed.
                self.0.write_all(b"t")?;
                Command::Advance(time)
            }
            b'M' => Command::SetMtu(u32::from_be_bytes(self.array()?) as usize),
            b'U' => Command::SetTimeout(Duration::from_millis(u32::from_be_bytes(self.array()?).into())),
            b'E' => {
                let nanos = u64::from_be_bytes(self.array()?);
                Command::ExpectTimeout((nanos != u64::MAX).then_some(Duration::from_nanos(nanos)))
            }
            other => return Err(io::Error::other(format!("the runner says {other:#x}"))),
        })
    }

    /// Ends our side and waits for the runner to end its own, so that it can read all that we sent.
    pub(crate) fn finish(mut self) {
        if self.0.shutdown(Shutdown::Write).is_ok() {
            // An error means that it has ended already.
            let _ = io::copy(&mut self.0, &mut io::sink());
        }
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}
