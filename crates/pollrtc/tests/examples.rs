//! The echo peers of the examples, and with them the programs that the documentation shows, against callers of all kinds.

use std::net::{Ipv4Addr, UdpSocket};

mod callers;

#[path = "../examples/echo_mio/echo.rs"]
mod echo_mio;
#[path = "../examples/echo_smol/echo.rs"]
mod echo_smol;
#[path = "../examples/echo_std/echo.rs"]
mod echo_std;

#[test]
fn std_sockets() {
    callers::call(|config, offer, send_answer| {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        echo_std::echo(socket, config, &offer, send_answer)
    });
}

#[test]
fn smol() {
    callers::call(|config, offer, send_answer| {
        smol::block_on(async {
            let socket = smol::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            echo_smol::echo(socket, config, &offer, send_answer).await
        })
    });
}

#[test]
fn mio() {
    callers::call(|config, offer, send_answer| {
        let socket = mio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into())?;
        echo_mio::echo(socket, config, &offer, send_answer)
    });
}

/// What readers copy first is what is tested above.
#[test]
fn the_programs_of_the_documentation_are_the_example() {
    let the_loop = |text: &str, prefix: &str| {
        let lines = text
            .lines()
            .map(|line| line.strip_prefix(prefix).unwrap_or(line).trim());
        let lines = lines.skip_while(|line| !line.starts_with("let mut buf"));
        let lines = lines.take_while(|line| !line.starts_with("```"));
        let code = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
        code.map(str::to_owned).collect::<Vec<_>>()
    };
    let mut example = the_loop(include_str!("../examples/echo_std/echo.rs"), "");
    assert_eq!(example.pop().as_deref(), Some("}"), "the end of the function");
    assert_eq!(the_loop(include_str!("../src/lib.rs"), "//!")[..example.len()], example);
    assert_eq!(the_loop(include_str!("../README.md"), ""), example);
    assert_eq!(
        the_loop(include_str!("../../../README.md"), "")[..example.len()],
        example
    );
}
