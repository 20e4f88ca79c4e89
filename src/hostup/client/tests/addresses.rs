//! A name with several addresses, one of which swallows whatever is sent to it.

use std::net::{Ipv6Addr, SocketAddr};

use tokio::{
    net::{TcpSocket, TcpStream},
    time::{Instant, timeout},
};

use super::{server::Server, *};

/// An address at which a connection is neither made nor refused, as behind a router that drops packets.
struct BlackHole {
    _listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl BlackHole {
    /// Listens and takes nobody: once the queue is full, the system leaves whoever comes without an answer.
    async fn at(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        let listener = socket.listen(1).unwrap();
        let mut waiting = Vec::new();
        while let Ok(connected) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
            waiting.push(connected.unwrap());
        }
        Self { _listener: listener, _waiting: waiting }
    }
}

/// What `localhost` stands for here is IPv4 first, so it is IPv4 that is swallowed and IPv6 that answers. The rule does
/// not tell the families apart: it is whichever the system names first that has a head start. The other way around
/// needs a resolver, which a test cannot bring.
#[tokio::test]
async fn n5_an_address_that_swallows_everything_holds_up_the_other_family_for_less_than_a_second() {
    let Ok(probe) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await else {
        // Without IPv6 there is no other family.
        return;
    };
    let port = probe.local_addr().unwrap().port();
    drop(probe);
    let answers = [Script::Answers(vec![json(r#"{"data":[]}"#)])];
    let server = Server::play_at((Ipv6Addr::LOCALHOST, port).into(), answers).await;
    let _black_hole = BlackHole::at(([127, 0, 0, 1], port).into()).await;
    let client = client_with(&format!("http://localhost:{port}"), ClientOptions::default());
    let asked = Instant::now();
    assert_eq!(client.send(&list()).await.answer, Answer::Listed(Page::default()));
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    assert_eq!(server.requests().len(), 1);
}
