//! An HTTP server of a few lines, for answers that a sandbox would never give.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::Arc,
};

/// A request as far as a script looks at it.
pub(crate) struct Request {
    /// Method and path with query: `GET /api/v2/vps?limit=100`.
    pub(crate) line: String,
    /// The value of `Authorization`.
    pub(crate) authorization: String,
}

/// Serves until the test's process ends, each request on a connection of its own; gives the URL.
pub(crate) fn serve(answer: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static) -> String {
    serve_bytes(move |request| {
        let (status, body) = answer(request);
        whole(status, "Content-Type: application/json\r\n", &body)
    })
}

/// A whole answer with these headers, each of which ends its line.
pub(crate) fn whole(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    format!("{head}{body}").into_bytes()
}

/// The same as [`serve`] with answers to the byte.
pub(crate) fn serve_bytes(answer: impl Fn(&Request) -> Vec<u8> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || converse(connection, &*answer));
        }
    });
    url
}

/// A client that leaves early is its own matter.
fn converse(mut connection: TcpStream, answer: &dyn Fn(&Request) -> Vec<u8>) {
    let Some(request) = read(&connection) else { return };
    drop(connection.write_all(&answer(&request)));
}

fn read(connection: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(connection);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|&length| length > 0)?;
        if line.trim_end().is_empty() {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let header = |name: &str| {
        let fields = lines.iter().filter_map(|line| line.split_once(": "));
        fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
    };
    let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    reader.take(length).read_to_end(&mut Vec::new()).ok()?;
    let line = lines.first()?.trim_end_matches(" HTTP/1.1").to_owned();
    Some(Request { line, authorization: header("authorization").unwrap_or_default() })
}
