//! Whose certificate is good enough for the key to be sent: one of a known authority, in its time, for that very name.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Output,
    sync::{Arc, Mutex},
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};

use crate::sandbox::{code, finish, rollcall, stderr, stdout};

const KEY: &str = "hup_tls_4b1e77a0d24b58";

/// A certificate with its key, and the authority's own.
struct Certified {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// An authority that the program is told to trust.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn sign(&self, params: &CertificateParams) -> Certified {
        let key = KeyPair::generate().unwrap();
        Certified { certificate: params.signed_by(&key, &self.issuer).unwrap(), key }
    }
}

/// What a server saw: each request that could be read, and the protocol that was agreed on for it.
type Seen = Arc<Mutex<Vec<(String, Option<Vec<u8>>)>>>;

/// Lists nothing to whoever takes this certificate, and would rather speak HTTP/2. Gives the port, and what it sees.
fn serve(certified: &Certified) -> (u16, Seen) {
    rustls::crypto::ring::default_provider().install_default().ok();
    let key = PrivateKeyDer::try_from(certified.key.serialize_der()).unwrap();
    let chain = vec![certified.certificate.der().clone()];
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Seen::default();
    let seeing = Arc::clone(&seen);
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let (config, seen) = (Arc::clone(&config), Arc::clone(&seeing));
            std::thread::spawn(move || converse(connection, config, &seen));
        }
    });
    (port, seen)
}

/// A client that leaves early, as one that does not like the certificate, is no mistake here.
fn converse(connection: TcpStream, config: Arc<ServerConfig>, seen: &Seen) {
    let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), connection);
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(count @ 1..) => request.extend_from_slice(&buffer[..count]),
            _ => break,
        }
    }
    if request.is_empty() {
        return;
    }
    let protocol = stream.conn.alpn_protocol().map(<[u8]>::to_vec);
    seen.lock().unwrap().push((String::from_utf8_lossy(&request).into_owned(), protocol));
    let body = r#"{"data":[],"nextCursor":null}"#;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
    drop(stream.write_all(format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes()));
    stream.conn.send_close_notify();
    drop(stream.flush());
}

/// Runs against `https://localhost` at this port, with this authority as the only one known.
fn run(directory: &Path, authority: &Authority, port: u16) -> Output {
    let write = |name: &str, text: &str| {
        let path = directory.join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let roots = write("roots.pem", &authority.pem);
    let playbook = write("playbook.yaml", "name: tls\nrun: id\n");
    let mut command = rollcall();
    command.env("SSL_CERT_FILE", roots).env_remove("SSL_CERT_DIR").env("HOSTUP_API_KEY", KEY);
    // The first failure is enough: what comes after it is the same as for any listing without a connection.
    command.args(["run", "--no-store", "-vvv", "--allow-empty", "--deadline", "1s"]);
    finish(command.args(["--api-url", &format!("https://localhost:{port}")]).arg(playbook))
}

#[test]
fn n2_a_certificate_that_does_not_hold_gets_no_key_and_ends_the_run() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new("authority.example");
    let mut expired = params("localhost");
    (expired.not_before, expired.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    let own = KeyPair::generate().unwrap();
    let self_signed = Certified { certificate: params("localhost").self_signed(&own).unwrap(), key: own };
    let cases = [
        ("expired", authority.sign(&expired), "expired"),
        ("self-signed", self_signed, "UnknownIssuer"),
        (
            "of another authority",
            Authority::new("another.example").sign(&params("localhost")),
            "UnknownIssuer",
        ),
        ("for another host", authority.sign(&params("elsewhere.example")), "not valid for name"),
    ];
    for (what, certified, word) in cases {
        let (port, seen) = serve(&certified);
        let output = run(directory.path(), &authority, port);
        assert_eq!(code(&output), 4, "{what}: {output:?}");
        assert!(stderr(&output).contains(word), "{what}: {output:?}");
        assert_eq!(*seen.lock().unwrap(), [], "{what}: nothing is sent");
        assert!(!stderr(&output).contains(KEY) && !stdout(&output).contains(KEY), "{what}");
    }
}

#[test]
fn n2_there_is_no_flag_to_look_away() {
    for flag in ["--insecure", "-k", "--no-check-certificate", "--skip-tls-verify", "--allow-invalid-certs"] {
        let output = finish(rollcall().args(["run", "--sandbox", "1", flag, "playbooks/os-inventory.yaml"]));
        assert_eq!((code(&output), stdout(&output)), (2, ""), "{flag}: {output:?}");
    }
}

/// HTTP/2 may send a request again on a connection of its own accord; so it is not spoken at all.
#[test]
fn s16_only_http_1_1_is_spoken_also_where_the_server_would_rather_have_2() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new("authority.example");
    let (port, seen) = serve(&authority.sign(&params("localhost")));
    let output = run(directory.path(), &authority, port);
    assert_eq!(code(&output), 0, "{output:?}");
    let seen = seen.lock().unwrap();
    let [(request, protocol)] = &seen[..] else { panic!("{seen:?}") };
    assert!(request.starts_with("GET /api/v2/vps?limit=100 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(KEY), "a certificate that holds gets the key");
    assert!(protocol.as_deref().is_none_or(|protocol| protocol == b"http/1.1"), "{protocol:?}");
}
