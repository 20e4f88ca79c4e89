//! The fleet as `GET /api/v2/vps` shows it: items, filters, pages and cursors.
//!
//! Items are written straight into the page's bytes, so that a fleet of 10,000 is kept once and not as JSON too.
//! Source: HostUp docs, list and one pages.

use serde::{Serialize, Serializer};

use super::{
    draw::Draw,
    faults::PageFault,
    fleet::{Fleet, Server, System},
    problem::Problem,
    request::parameter,
    shape::{LastCursor, OverLimit},
};

/// The largest page (HostUp docs, list page).
const MOST: usize = 100;

/// How a server lists its fleet.
#[derive(Clone, Copy)]
pub(super) struct Listing {
    /// Servers on a page where the request does not say.
    pub(super) page_limit: usize,
    pub(super) over_limit: OverLimit,
    pub(super) last_cursor: LastCursor,
}

impl Listing {
    /// Writes the page that the query asks for.
    ///
    /// # Errors
    /// 400 `invalid_request` for a limit or include that is not valid, 400 `invalid_cursor` for a made-up cursor.
    pub(super) fn page(
        self,
        fleet: &Fleet,
        parameters: &[(String, String)],
        fault: Option<PageFault>,
    ) -> Result<Vec<u8>, Problem> {
        let limit = self.limit(parameters)?;
        let maintenance = maintenance(parameters)?;
        let asked = parameter(parameters, "cursor").filter(|cursor| !cursor.is_empty());
        let from = asked.map_or(Ok(0), |cursor| read_cursor(fleet, cursor))?;
        let from = if fault == Some(PageFault::Overlap) { from.saturating_sub(1) } else { from };
        let (name, address) = (parameter(parameters, "name"), parameter(parameters, "primaryIp"));
        let wanted = |server: &Server| {
            name.is_none_or(|name| server.name().eq_ignore_ascii_case(name))
                && address.is_none_or(|address| server.address.is_some_and(|own| own.to_string() == address))
        };

        let mut found = (from..fleet.len()).filter(|index| wanted(fleet.server(*index)));
        let mut body = Vec::with_capacity(limit.min(fleet.len()) * 800);
        body.extend(br#"{"data":["#);
        let mut next = None;
        if fault == Some(PageFault::Empty) {
            next = found.next();
        } else {
            for index in found.by_ref().take(limit) {
                if body.last() == Some(&b'}') {
                    body.push(b',');
                }
                write(&mut body, &Item::new(fleet, index, maintenance));
            }
            // Told only where there is more, so that no last page is empty.
            next = found.next().or(next);
        }
        body.push(b']');
        let cursor = match fault {
            Some(PageFault::RepeatCursor) => {
                Some(asked.map_or_else(|| write_cursor(fleet, 0), str::to_owned))
            }
            _ => next.map(|next| write_cursor(fleet, next)),
        };
        body.extend(match (cursor, self.last_cursor) {
            (Some(cursor), _) => format!(r#","nextCursor":"{cursor}"}}"#).into_bytes(),
            (None, LastCursor::Null) => br#","nextCursor":null}"#.to_vec(),
            (None, LastCursor::Empty) => br#","nextCursor":""}"#.to_vec(),
            (None, LastCursor::Absent) => b"}".to_vec(),
        });
        Ok(body)
    }

    fn limit(self, parameters: &[(String, String)]) -> Result<usize, Problem> {
        let Some(text) = parameter(parameters, "limit") else { return Ok(self.page_limit) };
        match text.parse::<usize>() {
            Ok(limit @ 1..=MOST) => Ok(limit),
            Ok(limit) if limit > MOST && self.over_limit == OverLimit::Clamp => Ok(MOST),
            _ => Err(Problem::invalid("limit", format!("limit must be a whole number from 1 to {MOST}"))),
        }
    }
}

fn maintenance(parameters: &[(String, String)]) -> Result<bool, Problem> {
    let mut includes = parameters.iter().filter(|(name, _)| name == "include");
    if includes.clone().any(|(_, value)| value != "pendingMaintenance") {
        return Err(Problem::invalid("include", "include must be pendingMaintenance"));
    }
    Ok(includes.next().is_some())
}

/// A cursor: the place of the next server, and a sum over it that makes a guessed one invalid.
fn write_cursor(fleet: &Fleet, index: usize) -> String {
    format!("c{index:06x}{:08x}", seal(fleet, index))
}

fn read_cursor(fleet: &Fleet, cursor: &str) -> Result<usize, Problem> {
    let index =
        cursor.get(1..cursor.len().saturating_sub(8)).and_then(|hex| usize::from_str_radix(hex, 16).ok());
    index
        .filter(|index| write_cursor(fleet, *index) == cursor)
        .ok_or_else(|| Problem::new(400, "invalid_cursor", "The cursor is not one that this listing gave."))
}

fn seal(fleet: &Fleet, index: usize) -> u64 {
    Draw::new(fleet.seal()).at(index as u64).bits() >> 32
}

/// Writes one server as `GET /api/v2/vps/{id}` shows it.
pub(super) fn one(fleet: &Fleet, index: usize) -> impl Serialize {
    Item::new(fleet, index, false)
}

fn write(body: &mut Vec<u8>, item: &Item) {
    let before = body.len();
    if serde_json::to_writer(&mut *body, item).is_err() {
        body.truncate(before);
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    id: String,
    name: String,
    primary_ip: Option<std::net::Ipv4Addr>,
    service_status: &'static str,
    power_state: Option<&'static str>,
    operating_system: Option<Os>,
    billing: Billing,
    resources: Resources,
    bandwidth: Bandwidth,
    tags: Tags<'a>,
    is_pinned: bool,
    /// In no document: clients must live with fields that they do not know.
    location: Location,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    maintenance: Option<Maintenance>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Os {
    display_name: &'static str,
    family: &'static str,
    version: &'static str,
    variant: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the API calls it so")]
struct Billing {
    amount: u32,
    currency_code: &'static str,
    billing_cycle: Option<&'static str>,
    is_payg: bool,
    period_years: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Resources {
    cpu_cores: u32,
    memory_gb: u32,
    storage_gb: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bandwidth {
    used_gb: f64,
    limit_gb: u32,
    inbound_gb: f64,
    outbound_gb: f64,
    usage_percent: f64,
}

#[derive(Serialize)]
struct Location {
    region: &'static str,
    rack: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Maintenance {
    pending_maintenance: Option<&'static str>,
    pending_maintenance_has_deadline: bool,
}

struct Tags<'a>(&'a Server);

impl Serialize for Tags<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.tags())
    }
}

impl<'a> Item<'a> {
    fn new(fleet: &'a Fleet, index: usize, maintenance: bool) -> Self {
        let server = fleet.server(index);
        let traffic = server.draw("traffic");
        let (inbound, outbound) = (traffic.at(1).between(1, 400), traffic.at(2).between(1, 400));
        let payg = server.draw("billing").below(6) == 0;
        Self {
            id: fleet.id(index),
            name: server.name(),
            primary_ip: server.address,
            service_status: server.service_status,
            power_state: server.power_state,
            operating_system: server.listed_system.map(|system: &System| Os {
                display_name: system.name,
                family: system.family,
                version: system.version,
                variant: None,
            }),
            billing: Billing {
                amount: 49 * server.cores,
                currency_code: "SEK",
                billing_cycle: if payg { None } else { Some("monthly") },
                is_payg: payg,
                period_years: None,
            },
            resources: Resources {
                cpu_cores: server.cores,
                memory_gb: server.memory_gb,
                storage_gb: server.storage_gb,
            },
            bandwidth: Bandwidth {
                used_gb: f64::from(inbound + outbound) / 2.0,
                limit_gb: 1000,
                inbound_gb: f64::from(inbound) / 2.0,
                outbound_gb: f64::from(outbound) / 2.0,
                usage_percent: f64::from(inbound + outbound) / 20.0,
            },
            tags: Tags(server),
            is_pinned: false,
            location: Location { region: "se-sto", rack: traffic.at(3).between(1, 40) },
            maintenance: maintenance.then_some(Maintenance {
                pending_maintenance: None,
                pending_maintenance_has_deadline: false,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::options::{Agents, Variety};
    use serde_json::Value;

    const LISTING: Listing =
        Listing { page_limit: 20, over_limit: OverLimit::Reject, last_cursor: LastCursor::Null };

    fn fleet(count: u32) -> Fleet {
        Fleet::new(7, count, Variety::Mixed, Agents::Most)
    }

    fn page(fleet: &Fleet, query: &[(&str, &str)], fault: Option<PageFault>) -> Result<Value, Problem> {
        let query: Vec<_> = query.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        LISTING.page(fleet, &query, fault).map(|body| serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn following_the_cursor_gives_every_server_once() {
        let fleet = fleet(200);
        let mut ids = Vec::new();
        let mut cursor = Value::from("");
        while let Some(text) = cursor.as_str() {
            let page = page(&fleet, &[("limit", "30"), ("cursor", text)], None).unwrap();
            ids.extend(
                page["data"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()),
            );
            cursor = page["nextCursor"].clone();
        }
        assert_eq!(ids, (0..200).map(|index| fleet.id(index)).collect::<Vec<_>>());
    }

    #[test]
    fn filters_are_exact_and_the_name_ignores_case() {
        let fleet = fleet(200);
        let third = fleet.server(3);
        let (name, address) = (third.name().to_uppercase(), third.address.unwrap().to_string());
        for query in [("name", name.as_str()), ("primaryIp", address.as_str())] {
            let page = page(&fleet, &[query], None).unwrap();
            assert_eq!(page["data"].as_array().unwrap().len(), 1);
            assert_eq!(page["data"][0]["id"], fleet.id(3));
            assert_eq!(page["nextCursor"], Value::Null);
        }
        assert_eq!(page(&fleet, &[("name", "web")], None).unwrap()["data"], Value::Array(Vec::new()));
    }

    #[test]
    fn bad_parameters_are_refused_with_their_documented_codes() {
        let fleet = fleet(30);
        for (query, code) in [
            (("limit", "101"), "invalid_request"),
            (("limit", "0"), "invalid_request"),
            (("limit", "ten"), "invalid_request"),
            (("include", "everything"), "invalid_request"),
            (("cursor", "c00000a00000000"), "invalid_cursor"),
            (("cursor", "å"), "invalid_cursor"),
        ] {
            assert_eq!(page(&fleet, &[query], None).unwrap_err().code, code, "{query:?}");
        }
        assert!(
            page(&fleet, &[("include", "pendingMaintenance")], None).unwrap()["data"][0]
                .get("pendingMaintenance")
                .is_some()
        );
    }

    #[test]
    fn page_faults_repeat_empty_and_overlap() {
        let fleet = fleet(60);
        let first = page(&fleet, &[], None).unwrap();
        let cursor = first["nextCursor"].as_str().unwrap();
        let at = |fault| page(&fleet, &[("cursor", cursor)], Some(fault)).unwrap();
        assert_eq!(at(PageFault::RepeatCursor)["nextCursor"], cursor);
        let empty = at(PageFault::Empty);
        assert_eq!(
            (empty["data"].as_array().unwrap().len(), empty["nextCursor"].as_str()),
            (0, Some(cursor))
        );
        assert_eq!(at(PageFault::Overlap)["data"][0]["id"], first["data"][19]["id"]);
    }
}
