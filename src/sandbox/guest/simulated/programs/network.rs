//! Programs about the network, none of which touches one: `ss`, `netstat`, `nslookup`, `curl`, `wget`.

use super::options::{Options, joined};
use crate::sandbox::{
    fleet::Server,
    guest::simulated::{
        facts,
        machine::{Stop, lost},
        sh::Shell,
    },
};

/// What a name resolves to on this server, whose resolver may be broken.
pub(super) fn address_of(server: &Server, name: &str) -> Option<String> {
    if name == "localhost" {
        return Some("127.0.0.1".to_owned());
    }
    if name == server.name() {
        return Some("127.0.1.1".to_owned());
    }
    let broken = server.draw("resolver").below(60) == 0 || name.ends_with(".invalid") || !name.contains('.');
    // From the net that documents use (RFC 5737).
    (!broken).then(|| format!("198.51.100.{}", 1 + name.bytes().map(u64::from).sum::<u64>() % 250))
}

/// `ss -tuln` and `netstat -tuln`.
pub(super) fn sockets(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let options = Options::read(
        words,
        "tulnpaH46",
        &[("listening", 'l'), ("tcp", 't'), ("udp", 'u'), ("numeric", 'n'), ("no-header", 'H')],
    )?;
    if !options.has('l') || !options.has('n') {
        return Err(lost(format!("{} knows only what listens (-ln) in the simulated guest", words[0])));
    }
    let both = options.has('t') == options.has('u');
    let is_ss = words[0].ends_with("ss");
    let listeners = facts::listeners(shell.machine.server);
    let shown = listeners
        .iter()
        .filter(|listener| both || options.has(if listener.transport == "tcp" { 't' } else { 'u' }));
    let mut rows = Vec::new();
    if !options.has('H') {
        rows.push(if is_ss {
            "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess".to_owned()
        } else {
            "Proto Recv-Q Send-Q Local Address           Foreign Address         State".to_owned()
        });
    }
    for listener in shown {
        let address = format!("{}:{}", listener.address, listener.port);
        let udp = listener.transport == "udp";
        if is_ss {
            let state = if udp { "UNCONN" } else { "LISTEN" };
            let user = if options.has('p') {
                format!(" users:((\"{}\",pid={},fd=3))", listener.program, 700 + listener.port)
            } else {
                String::new()
            };
            // With one kind asked for there is no column for it.
            let kind = if both { format!("{:<5} ", listener.transport) } else { String::new() };
            rows.push(format!("{kind}{state} 0      128    {address:>18} 0.0.0.0:*{user}"));
        } else {
            let state = if udp { "" } else { "LISTEN" };
            rows.push(format!(
                "{:<5}      0      0 {address:<23} 0.0.0.0:*               {state}",
                listener.transport
            ));
        }
    }
    shell.say(joined(rows));
    Ok(0)
}

pub(super) fn nslookup(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let Some(name) = words.get(1) else { return Err(lost("nslookup alone is not simulated")) };
    match address_of(shell.machine.server, name) {
        Some(address) => {
            shell.say(format!(
                "Server:\t\t1.1.1.1\nAddress:\t1.1.1.1#53\n\nName:\t{name}\nAddress: {address}\n"
            ));
            Ok(0)
        }
        None => {
            shell.say(format!("** server can't find {name}: NXDOMAIN\n"));
            Ok(1)
        }
    }
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', ':', '?']).next().unwrap_or_default()
}

/// Whether a server gets an answer from outside: most do.
fn reaches(server: &Server, url: &str) -> bool {
    address_of(server, host_of(url)).is_some() && server.draw("outbound").below(40) != 0
}

pub(super) fn curl(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let options = Options::read(
        words,
        "fsSLkIm:o:4",
        &[
            ("fail", 'f'),
            ("silent", 's'),
            ("show-error", 'S'),
            ("max-time", 'm'),
            ("output", 'o'),
            ("location", 'L'),
        ],
    )?;
    let Some(url) = options.operands.first() else { return Ok(2) };
    if options.value('o').is_none_or(|file| file != "/dev/null") {
        return Err(lost("what a web page says is not simulated; curl wants -o /dev/null"));
    }
    if reaches(shell.machine.server, url) {
        return Ok(0);
    }
    if options.has('S') || !options.has('s') {
        let host = host_of(url);
        shell.complain(&format!("curl: (6) Could not resolve host: {host}\n"));
    }
    Ok(6)
}

pub(super) fn wget(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let options = Options::read(words, "qO:T:S", &[("spider", 'S'), ("quiet", 'q'), ("timeout", 'T')])?;
    let Some(url) = options.operands.first() else { return Ok(1) };
    if !options.has('S') && options.value('O').is_none_or(|file| file != "/dev/null") {
        return Err(lost("what a web page says is not simulated; wget wants -O /dev/null"));
    }
    Ok(if reaches(shell.machine.server, url) { 0 } else { 4 })
}
