//! The made-up servers: what each of them is, from the seed and its number alone.
//!
//! Facts only. How a server is written as JSON is `listing`'s, what runs on it is `guest`'s.

use std::{collections::HashMap, net::Ipv4Addr};

use super::{
    draw::Draw,
    options::{Agents, Variety},
};

/// An operating system as the API names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct System {
    pub(super) name: &'static str,
    pub(super) family: &'static str,
    pub(super) version: &'static str,
    pub(super) codename: &'static str,
    pub(super) kernel: &'static str,
}

const fn system([name, family, version, codename, kernel]: [&'static str; 5]) -> System {
    System { name, family, version, codename, kernel }
}

/// What Linux servers run, the commonest more than once.
static SYSTEMS: [System; 8] = [
    system(["Debian 12", "debian", "12", "bookworm", "6.1.0-37-amd64"]),
    system(["Debian 12", "debian", "12", "bookworm", "6.1.0-37-amd64"]),
    system(["Debian 13", "debian", "13", "trixie", "6.12.43+deb13-amd64"]),
    system(["Ubuntu 24.04 LTS", "ubuntu", "24.04", "noble", "6.8.0-79-generic"]),
    system(["Ubuntu 24.04 LTS", "ubuntu", "24.04", "noble", "6.8.0-79-generic"]),
    system(["Ubuntu 22.04 LTS", "ubuntu", "22.04", "jammy", "5.15.0-153-generic"]),
    system(["Alpine Linux 3.22", "alpine", "3.22", "", "6.12.44-0-virt"]),
    system(["AlmaLinux 9", "almalinux", "9.6", "", "5.14.0-570.37.1.el9_6.x86_64"]),
];

static WINDOWS: System = system(["Windows Server 2022", "windows", "2022", "", "10.0.20348"]);

/// What servers are for: the name's first word, how many of twenty, and how wide their number is.
const ROLES: [(&str, u32, usize); 5] =
    [("web", 8, 3), ("app", 5, 2), ("db", 3, 2), ("cache", 2, 2), ("worker", 2, 2)];

/// What is odd about a server. Each kind comes once in a hundred servers, so that a fleet of 200 always has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Oddity {
    Stopped,
    Suspended,
    /// Still being made; only in every other hundred.
    Provisioning,
    NoPowerState,
    UnknownPowerState,
    NoSystem,
    NoAddress,
    Windows,
    FullDisk,
    AgentOff,
}

const ODDITIES: [Oddity; 10] = [
    Oddity::Stopped,
    Oddity::Suspended,
    Oddity::Provisioning,
    Oddity::NoPowerState,
    Oddity::UnknownPowerState,
    Oddity::NoSystem,
    Oddity::NoAddress,
    Oddity::Windows,
    Oddity::FullDisk,
    Oddity::AgentOff,
];

/// One made-up VPS.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Server {
    role: &'static str,
    number: u32,
    width: usize,
    pub(super) address: Option<Ipv4Addr>,
    pub(super) service_status: &'static str,
    pub(super) power_state: Option<&'static str>,
    /// What the API says of the system; null for some that surely have one.
    pub(super) listed_system: Option<&'static System>,
    pub(super) system: &'static System,
    pub(super) cores: u32,
    pub(super) memory_gb: u32,
    pub(super) storage_gb: u32,
    /// How full the root disk is, in percent.
    pub(super) disk_used: u32,
    pub(super) reboot_required: bool,
    pub(super) environment: &'static str,
    pub(super) decommissioned: bool,
    pub(super) oddity: Option<Oddity>,
    /// Where further draws about this server come from.
    pub(super) draw: u64,
}

impl Server {
    /// Its display name, also its host name: `web-001`.
    pub(super) fn name(&self) -> String {
        format!("{}-{:0width$}", self.role, self.number, width = self.width)
    }

    /// Its tags: role, environment, and whether it is to go.
    pub(super) fn tags(&self) -> impl Iterator<Item = &'static str> {
        [self.role, self.environment].into_iter().chain(self.decommissioned.then_some("decommissioned"))
    }

    /// Whether the machine is on, whatever the list says of it.
    pub(super) fn is_on(&self) -> bool {
        !matches!(self.oddity, Some(Oddity::Stopped | Oddity::Suspended | Oddity::Provisioning))
    }

    /// The draw of this server called `name`.
    pub(super) fn draw(&self, name: &str) -> Draw {
        Draw::new(self.draw).named(name)
    }
}

/// All servers of a sandbox, in the order in which they are listed.
pub(super) struct Fleet {
    servers: Vec<Server>,
    /// What ids are drawn from.
    ids: Draw,
    /// What hides the index in an id, and seals cursors.
    seal: u64,
}

impl Fleet {
    /// Makes up `count` servers.
    pub(super) fn new(seed: u64, count: u32, variety: Variety, agents: Agents) -> Self {
        let draw = Draw::new(seed).named("fleet");
        let mut numbers = HashMap::new();
        let servers = (0..count)
            .map(|index| {
                let oddity = oddity(draw, index).filter(|oddity| match variety {
                    Variety::Mixed => *oddity != Oddity::AgentOff || agents == Agents::Most,
                    Variety::Uniform => *oddity == Oddity::FullDisk,
                });
                let mut server = server(draw.at(index.into()), index, oddity);
                let number = numbers.entry(server.role).or_insert(0);
                *number += 1;
                server.number = *number;
                server
            })
            .collect();
        Self { servers, ids: draw.named("ids"), seal: draw.named("seal").bits() }
    }

    /// How many servers there are.
    pub(super) fn len(&self) -> usize {
        self.servers.len()
    }

    /// The server at this place of the listing.
    ///
    /// # Panics
    /// If there are fewer; every index comes from [`find`](Self::find) or a loop over the fleet.
    pub(super) fn server(&self, index: usize) -> &Server {
        &self.servers[index]
    }

    /// All servers with their places.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Server)> {
        self.servers.iter().enumerate()
    }

    /// The id of the server at this place: `vps_` and 26 characters that look like a ULID.
    ///
    /// The last five hold the index, hidden under the seed, so that no table of ids is needed.
    pub(super) fn id(&self, index: usize) -> String {
        let index = index as u64;
        let time = FIRST_MADE + index * 79_190 + self.ids.at(index).at(0).below(79_190);
        let random = self.ids.at(index).at(1).bits();
        let hidden = (index ^ self.seal) & 0x01FF_FFFF;
        let mut id = String::with_capacity(30);
        id.push_str("vps_");
        push_base32(&mut id, time, 10);
        push_base32(&mut id, random, 11);
        push_base32(&mut id, hidden, 5);
        id
    }

    /// The place of the server with this id.
    pub(super) fn find(&self, id: &str) -> Option<usize> {
        let hidden = id.get(25..30)?;
        let hidden = hidden.bytes().try_fold(0, |sum: u64, byte| {
            let digit = BASE32.iter().position(|letter| *letter == byte)?;
            Some(sum << 5 | digit as u64)
        })?;
        let index = usize::try_from((hidden ^ self.seal) & 0x01FF_FFFF).ok()?;
        (index < self.len() && self.id(index) == id).then_some(index)
    }

    /// A number that only this fleet has, for sums that nobody else can make.
    pub(super) fn seal(&self) -> u64 {
        self.seal
    }
}

/// When the first server was made, in Unix milliseconds: in May 2025.
const FIRST_MADE: u64 = 0x0197_0000_0000;

const BASE32: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Appends the lowest `digits` base-32 digits of `value`, in Crockford's alphabet.
pub(super) fn push_base32(text: &mut String, value: u64, digits: u32) {
    for place in (0..digits).rev() {
        let digit = value.checked_shr(5 * place).unwrap_or(0) & 31;
        text.push(char::from(BASE32[usize::try_from(digit).unwrap_or(0)]));
    }
}

/// What is odd about this server, if anything. The first ten of a hundred are plain, so that small fleets are.
fn oddity(draw: Draw, index: u32) -> Option<Oddity> {
    let (hundred, place) = (index / 100, index % 100);
    let turn = draw.named("oddities").at(hundred.into()).below(90);
    // 17 and 90 have no common divisor, so the ten places of a hundred differ.
    let place_of = |kind: u64| u32::try_from(10 + (turn + kind * 17) % 90).unwrap_or(0);
    let kind = (0..).zip(ODDITIES).find(|(kind, _)| place_of(*kind) == place)?.1;
    (kind != Oddity::Provisioning || hundred.is_multiple_of(2)).then_some(kind)
}

fn server(draw: Draw, index: u32, oddity: Option<Oddity>) -> Server {
    let mut turn = u32::try_from(draw.named("role").below(20)).unwrap_or(0);
    let (role, _, width) = ROLES
        .into_iter()
        .find(|(_, share, _)| {
            let here = turn < *share;
            turn = turn.saturating_sub(*share);
            here
        })
        .unwrap_or(ROLES[0]);
    let system = match oddity {
        Some(Oddity::Windows) => &WINDOWS,
        _ => draw.named("system").pick(&SYSTEMS),
    };
    let size = draw.named("size").between(0, 3);
    let (service_status, power_state) = match oddity {
        Some(Oddity::Stopped) => ("active", Some("stopped")),
        Some(Oddity::Suspended) => ("suspended", Some("stopped")),
        Some(Oddity::Provisioning) => ("pending", Some("provisioning")),
        Some(Oddity::NoPowerState) => ("active", None),
        Some(Oddity::UnknownPowerState) => ("active", Some("migrating")),
        _ => ("active", Some("running")),
    };
    Server {
        role,
        number: 0,
        width,
        address: (oddity != Some(Oddity::NoAddress)).then(|| address(index)),
        service_status,
        power_state,
        listed_system: (oddity != Some(Oddity::NoSystem)).then_some(system),
        system,
        cores: 1 << size,
        memory_gb: 2 << size,
        storage_gb: 40 << size,
        disk_used: match oddity {
            Some(Oddity::FullDisk) => draw.named("disk").between(91, 98),
            _ => draw.named("disk").between(12, 84),
        },
        reboot_required: draw.named("reboot").below(8) == 0,
        environment: if draw.named("environment").below(5) == 0 { "staging" } else { "production" },
        decommissioned: draw.named("decommissioned").below(50) == 0,
        oddity,
        draw: draw.bits(),
    }
}

/// An address from the nets for documentation (RFC 5737), and past those from 10.0.0.0/8.
fn address(index: u32) -> Ipv4Addr {
    const NETS: [[u8; 3]; 3] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]];
    let (net, host) = (index / 254, index % 254 + 1);
    match NETS.get(net as usize) {
        Some([a, b, c]) => Ipv4Addr::new(*a, *b, *c, u8::try_from(host).unwrap_or(0)),
        None => Ipv4Addr::from((10 << 24) + (index - 3 * 254 + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn fleet(seed: u64, count: u32) -> Fleet {
        Fleet::new(seed, count, Variety::Mixed, Agents::Most)
    }

    #[test]
    fn the_same_seed_is_the_same_fleet_and_a_longer_one_begins_alike() {
        let (one, other) = (fleet(7, 100), fleet(7, 1000));
        assert!(one.iter().all(|(index, server)| server == other.server(index)));
        assert!((0..100).all(|index| one.id(index) == other.id(index)));
        assert!(one.iter().any(|(index, server)| server != fleet(8, 100).server(index)));
    }

    #[test]
    fn two_hundred_servers_leave_a_selection_something_to_leave_out() {
        for seed in 0..50 {
            let fleet = fleet(seed, 200);
            let selected: Vec<_> = fleet
                .iter()
                .filter(|(_, server)| {
                    server.service_status == "active" && server.power_state == Some("running")
                })
                .collect();
            assert_eq!(selected.len(), 191, "seed {seed}");
            let off = selected.iter().filter(|(_, server)| server.oddity == Some(Oddity::AgentOff));
            assert_eq!(off.count(), 2, "seed {seed}");
            assert!(selected.iter().filter(|(_, server)| server.disk_used > 90).count() >= 2);
        }
    }

    #[test]
    fn ids_and_names_are_unique_and_ids_find_their_server() {
        let fleet = fleet(7, 5000);
        let ids: HashSet<String> = (0..5000).map(|index| fleet.id(index)).collect();
        let names: HashSet<String> = fleet.iter().map(|(_, server)| server.name()).collect();
        let addresses: HashSet<_> = fleet.iter().filter_map(|(_, server)| server.address).collect();
        assert_eq!((ids.len(), names.len(), addresses.len()), (5000, 5000, 4950));
        assert!((0..5000).all(|index| fleet.find(&fleet.id(index)) == Some(index)));
        assert!(ids.iter().all(|id| id.len() == 30 && id.starts_with("vps_01")));
        for wrong in
            ["", "vps_", "web-001", "vps_01jz0000000000000000000001", "vps_01jz000000000000000000000\u{e5}"]
        {
            assert_eq!(fleet.find(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_uniform_fleet_and_the_first_ten_of_any_are_all_usable() {
        let uniform = Fleet::new(7, 300, Variety::Uniform, Agents::Most);
        assert!(uniform.iter().all(|(_, server)| server.power_state == Some("running")));
        assert!(fleet(3, 10).iter().all(|(_, server)| server.oddity.is_none()));
    }
}
