//! The same requests through reqwest and nothing else, in a process of its own: what rollcall could reach at most if
//! all the rest of it took no time.

use std::{error::Error, fs, sync::Arc, time::Duration};

use reqwest::{
    Client, Method, Url,
    header::{AUTHORIZATION, CONTENT_TYPE},
    redirect, retry,
};
use rollcall::hostup::install_tls;
use tokio::{runtime, task::JoinSet, time::Instant};

use crate::{
    CONNECTIONS, count,
    raw::Replay,
    server::{Pin, Server},
};

/// The argument by which this program, started again, is the one that sends.
pub(crate) const SENDER: &str = "bare-reqwest";

/// How long it is measured.
const TIME: Duration = Duration::from_secs(3);

/// Requests a second.
pub(crate) fn measure(server: &Server, replay: &Replay) -> Result<f64, Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let lines = directory.path().join("targets");
    fs::write(&lines, replay.lines())?;
    let this = std::env::current_exe()?;
    let this = this.to_str().ok_or("this program has a name that is no text")?;
    let output = Pin::Client.command(this).args([SENDER, &server.url]).arg(&lines).output()?;
    let said = String::from_utf8(output.stdout)?;
    said.trim().parse().map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned().into())
}

/// Sends, and gives the requests a second.
pub(crate) fn send(url: &str, lines: &str) -> Result<f64, Box<dyn Error>> {
    install_tls();
    // As rollcall's own client is made.
    let client = Client::builder()
        .http1_only()
        .retry(retry::never())
        .redirect(redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .tls_certs_only([])
        .connect_timeout(Duration::from_secs(10))
        .build()?;
    let mut requests: Vec<(Method, Url)> = Vec::new();
    for line in fs::read_to_string(lines)?.lines() {
        let (id, pid) = line.split_once(' ').ok_or("a line without a process")?;
        let exec = format!("{url}/api/v2/vps/{id}/agent/exec");
        requests.push((Method::GET, exec.parse()?));
        requests.push((Method::POST, exec.parse()?));
        requests.push((Method::GET, format!("{exec}?pid={pid}").parse()?));
    }
    let requests = Arc::new(requests);
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let began = Instant::now();
        let mut senders = JoinSet::new();
        for first in 0..CONNECTIONS {
            let (client, requests) = (client.clone(), Arc::clone(&requests));
            senders.spawn(async move {
                let mut sent: u64 = 0;
                let own = requests.iter().cycle().skip(first as usize).step_by(CONNECTIONS as usize);
                for (method, url) in own {
                    if began.elapsed() > TIME {
                        break;
                    }
                    let is_start = *method == Method::POST;
                    let mut request = client.request(method.clone(), url.clone());
                    request = request.header(AUTHORIZATION, "Bearer sandbox");
                    if is_start {
                        request =
                            request.header(CONTENT_TYPE, "application/json").body(r#"{"command":"true"}"#);
                    }
                    request.send().await?.error_for_status()?.bytes().await?;
                    sent += 1;
                }
                Ok::<u64, reqwest::Error>(sent)
            });
        }
        let mut sent = 0;
        while let Some(ended) = senders.join_next().await {
            sent += ended??;
        }
        Ok(count(sent) / began.elapsed().as_secs_f64())
    })
}
