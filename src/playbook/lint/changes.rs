//! `changes-in-read`: commands that change the server, in a step that says it only looks.
//!
//! Only command words count, never what is quoted or printed. Files that the script makes itself, and what it writes
//! to temporary places, are nobody else's business.

mod rules;

use self::rules::{FLEETING, HARMLESS, RULES, WRAPPERS, When};
use super::{
    super::{Diagnostic, Effects, Span, Step, reader::shortened},
    Lint,
    commands::{Command, Word, commands, name_of, span_of},
};

pub(super) fn check(step: &Step, script: &str) -> Vec<Diagnostic> {
    if step.effects == Effects::Change {
        return Vec::new();
    }
    let commands = commands(script);
    let own = own_files(script, &commands);
    let places = commands.iter().filter_map(|command| change(command, &own));
    let warning = |span: Span| {
        let message = format!("`{}` changes the server", shortened(&step.run.text()[span.clone()]));
        Diagnostic::warning(Lint::ChangesInRead, span, message)
            .label("this step does not say so")
            .help("add `effects: change` to the step: the run then asks first, and begins with one server")
    };
    places.map(warning).collect()
}

/// The place of what changes the server, if it does.
fn change(command: &Command, own: &[String]) -> Option<Span> {
    let words = unwrapped(&command.words);
    if words.iter().any(|word| HARMLESS.contains(&word.text.as_str())) {
        return None;
    }
    if let Some(inner) = found_and_executed(words) {
        return Some(inner);
    }
    let fed = command.words.iter().any(|word| word.text == "xargs");
    if changes(words, own, fed) {
        return Some(span_of(words));
    }
    let written = command.redirections.iter().find(|redirection| {
        let writes = matches!(redirection.operator.as_str(), ">" | ">>" | ">|" | "&>" | "&>>");
        writes && redirection.target.text.starts_with('/') && is_kept(&redirection.target.text, own)
    })?;
    let span = &written.target.span;
    Some(if command.words.is_empty() {
        span.clone()
    } else {
        command.span().start..span.end.max(command.span().end)
    })
}

/// `fed`: more arguments come from elsewhere.
fn changes(words: &[Word], own: &[String], fed: bool) -> bool {
    let Some(name) = name_of(words) else { return false };
    let arguments: Vec<&str> = words[1..].iter().map(|word| word.text.as_str()).collect();
    let is_init_script = words[0].text.starts_with("/etc/init.d/") || words[0].text.starts_with("/etc/rc.d/");
    if is_init_script {
        return arguments.iter().any(|word| ["restart", "start", "stop", "reload"].contains(word));
    }
    if name == "dd" {
        return arguments
            .iter()
            .filter_map(|word| word.strip_prefix("of="))
            .any(|file| is_device(file) || is_kept(file, own));
    }
    let is_file_system = name.starts_with("mkfs.");
    let rule = RULES.iter().find(|(names, _, _)| names.contains(&if is_file_system { "mkfs" } else { name }));
    let Some((_, when, only_looks)) = rule else { return false };
    // What it began itself, it may end.
    let is_its_own_job = name == "kill" && arguments.last().is_some_and(|word| word.starts_with(['$', '%']));
    if is_its_own_job || arguments.iter().any(|word| only_looks.contains(word)) {
        return false;
    }
    match when {
        When::Always => true,
        When::Verb(verbs) => {
            let verb = arguments.iter().find(|word| !word.starts_with('-') && !word.contains('='));
            verb.is_some_and(|verb| verbs.contains(verb))
        }
        When::Word(verbs) => arguments.iter().any(|word| verbs.contains(word)),
        When::Prefix(prefixes) => {
            arguments.iter().any(|word| prefixes.iter().any(|prefix| word.starts_with(prefix)))
        }
        When::LastIsKept => match arguments.last() {
            Some(file) if !file.starts_with('-') => is_kept(file, own),
            // `xargs` brings the files.
            _ => fed,
        },
    }
}

/// A disk, and not a place to throw things away.
fn is_device(file: &str) -> bool {
    file.strip_prefix("/dev/").is_some_and(|name| {
        !["null", "stdout", "stderr", "zero"].contains(&name) && !name.starts_with("shm/")
    })
}

/// Whether what is done to a file lasts: it is in no temporary place, and not the script's own.
fn is_kept(file: &str, own: &[String]) -> bool {
    let is_own = own.iter().any(|name| {
        file.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
    });
    !is_own
        && !FLEETING
            .iter()
            .any(|place| file.starts_with(place) && file.len() > place.len() && !file.contains('*'))
}

/// The files that a script makes for itself: `$tmp` after `tmp=$(mktemp)`.
fn own_files(script: &str, commands: &[Command]) -> Vec<String> {
    let mut own = Vec::new();
    for word in commands.iter().flat_map(|command| &command.assignments) {
        let written = &script[word.span.clone()];
        let Some((name, value)) = written.split_once('=') else { continue };
        let is_fleeting = FLEETING.iter().any(|place| value.trim_matches(['"', '\'']).starts_with(place));
        if value.contains("mktemp") || is_fleeting {
            own.extend([format!("${name}"), format!("${{{name}}}")]);
        }
    }
    own
}

/// The command that `sudo`, `xargs` and the like run.
fn unwrapped(words: &[Word]) -> &[Word] {
    let mut words = words;
    // Each turn takes at least one word away.
    loop {
        let name = name_of(words);
        let Some((_, with_word, operands)) = WRAPPERS.iter().find(|(wrapper, _, _)| name == Some(wrapper))
        else {
            return words;
        };
        let is_option = |word: &&Word| word.text.starts_with('-') || word.text.contains('=');
        let mut next = 1;
        while let Some(word) = words.get(next).filter(is_option) {
            next += 1 + usize::from(with_word.contains(&word.text.as_str()));
        }
        words = words.get(next + operands..).unwrap_or(&[]);
    }
}

/// `find … -delete`, `find … -exec rm {} +`: the place of what is done to what was found.
fn found_and_executed(words: &[Word]) -> Option<Span> {
    if name_of(words) != Some("find") {
        return None;
    }
    let is = |word: &Word, names: &[&str]| names.contains(&word.text.as_str());
    if let Some(delete) = words.iter().find(|word| is(word, &["-delete"])) {
        return Some(words[0].span.start..delete.span.end);
    }
    let executes = words.iter().position(|word| is(word, &["-exec", "-execdir", "-ok"]))?;
    let inner = &words[executes + 1..];
    let end = inner.iter().position(|word| is(word, &[";", "+"])).unwrap_or(inner.len());
    let inner = unwrapped(&inner[..end]);
    changes(inner, &[], false).then(|| span_of(inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::Template;

    fn found(script: &str) -> Vec<String> {
        let step = Step::new("x", Template::verbatim(script));
        check(&step, script).into_iter().map(|warning| script[warning.span.unwrap()].to_owned()).collect()
    }

    #[test]
    fn commands_that_change_things_are_found_by_their_words() {
        for (script, at) in [
            ("systemctl restart nginx", "systemctl restart nginx"),
            ("systemctl --quiet stop nginx", "systemctl --quiet stop nginx"),
            ("if ! systemctl is-active nginx; then systemctl start nginx; fi", "systemctl start nginx"),
            ("service nginx restart", "service nginx restart"),
            ("/etc/init.d/nginx reload", "/etc/init.d/nginx reload"),
            ("cd / && rm -rf old", "rm -rf old"),
            ("rm -rf /tmp/*", "rm -rf /tmp/*"),
            ("mv /etc/a /etc/b", "mv /etc/a /etc/b"),
            ("echo x > /etc/motd", "echo x > /etc/motd"),
            ("echo x >>/etc/hosts", "echo x >>/etc/hosts"),
            ("echo x | sudo tee -a /etc/hosts", "tee -a /etc/hosts"),
            (
                "DEBIAN_FRONTEND=noninteractive apt-get -y -o Dpkg::Use-Pty=0 install curl",
                "apt-get -y -o Dpkg::Use-Pty=0 install curl",
            ),
            ("dnf -y upgrade", "dnf -y upgrade"),
            ("apk add curl", "apk add curl"),
            ("sudo -u root -n reboot", "reboot"),
            ("/sbin/shutdown -r now", "/sbin/shutdown -r now"),
            ("pkill -HUP nginx", "pkill -HUP nginx"),
            ("kill 42", "kill 42"),
            ("useradd -m x", "useradd -m x"),
            ("passwd -l root", "passwd -l root"),
            ("chmod 600 /etc/shadow", "chmod 600 /etc/shadow"),
            ("sed -i s/a/b/ /etc/x", "sed -i s/a/b/ /etc/x"),
            ("mkfs.ext4 /dev/sdb", "mkfs.ext4 /dev/sdb"),
            ("dd if=/dev/zero of=/dev/sda bs=1M", "dd if=/dev/zero of=/dev/sda bs=1M"),
            ("ls | xargs -n 1 rm -f", "rm -f"),
            ("find /var/log -name '*.gz' -delete", "find /var/log -name *.gz -delete"),
            ("find / -exec chmod 600 {} \\;", "chmod 600 {}"),
            ("timeout -k 5 10 systemctl reload x", "systemctl reload x"),
            ("x=$(systemctl restart y)", "systemctl restart y"),
            ("case $1 in rm) rm /a;; esac", "rm /a"),
            ("sysctl -w a.b=1", "sysctl -w a.b=1"),
            ("docker restart web", "docker restart web"),
        ] {
            let found = found(script);
            let plain: Vec<_> = found.iter().map(|part| part.replace('\'', "")).collect();
            assert_eq!(plain, [at], "{script}");
        }
    }

    #[test]
    fn looking_is_not_changing() {
        for script in [
            "systemctl is-active nginx",
            "systemctl status restart.service",
            "systemctl list-units --state=failed",
            "service nginx status",
            "echo rm -rf /",
            "echo 'systemctl restart nginx'",
            "grep -r 'rm ' /etc/cron.d",
            "grep reboot /var/log/syslog",
            "last reboot | head -1",
            "command -v apt-get",
            "which rm mv",
            "test -f /run/reboot-required",
            "apt-get -s upgrade",
            "apt list --upgradable",
            "dnf check-update",
            "yum --assumeno update",
            "rpm -qa",
            "rpm -q --info bash",
            "dpkg -l",
            "apk version -l '<'",
            "kill -0 $pid",
            "passwd -S root",
            "chage -l root",
            "sed -n 1p /etc/x",
            "sed s/-i/x/ /etc/x",
            "dd if=/dev/sda of=/dev/null count=1",
            "df -P / 2>/dev/null >&2",
            "du -s /var > /tmp/du; sort /tmp/du; rm -f /tmp/du",
            "t=$(mktemp -d); df >$t/x; rm -rf \"$t\"",
            "tmp=/tmp/audit.$$; date > ${tmp}.a; rm ${tmp}.a",
            "find /var/log -size +1G -exec ls -l {} +",
            "shutdown --help",
            "rm() { echo no; }",
            "case $1 in rm|mv) echo x;; esac",
            "for rm in a b; do echo $rm; done",
            "cat <<E\nrm -rf /\nE",
            "# reboot",
            "awk '{ print > \"/etc/x\" }' f",
            "docker ps",
            "sysctl kernel.pid_max",
            "crontab -l",
            "iptables -L -n",
        ] {
            assert_eq!(found(script), [""; 0], "{script}");
        }
    }

    #[test]
    fn a_step_that_says_so_may_change_things() {
        let step = Step { effects: Effects::Change, ..Step::new("x", Template::verbatim("reboot")) };
        assert_eq!(check(&step, "reboot"), []);
    }
}
