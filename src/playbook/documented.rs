//! The fields of a VPS that the API documents, by their dotted paths.
//!
//! For "did you mean" and for telling a slip from a field that is merely absent: whatever else the API sends can be
//! used all the same.

/// The fields that the API documents. Source: HostUp docs, pages on listing and reading a VPS.
const DOCUMENTED: [&str; 29] = [
    "id",
    "name",
    "primaryIp",
    "serviceStatus",
    "powerState",
    "operatingSystem",
    "operatingSystem.displayName",
    "operatingSystem.family",
    "operatingSystem.version",
    "operatingSystem.variant",
    "billing",
    "billing.amount",
    "billing.currencyCode",
    "billing.billingCycle",
    "billing.isPayg",
    "billing.periodYears",
    "resources",
    "resources.cpuCores",
    "resources.memoryGb",
    "resources.storageGb",
    "bandwidth",
    "bandwidth.usedGb",
    "bandwidth.limitGb",
    "bandwidth.inboundGb",
    "bandwidth.outboundGb",
    "bandwidth.usagePercent",
    "pendingMaintenanceHasDeadline",
    "availability",
    "tags",
];

/// Documented by name, their inside not: whatever is asked of it may be there one day.
const OPEN: [&str; 3] = ["availability", "tags", "pendingMaintenance"];

/// Whether the API's documents know a path.
pub(crate) fn is_documented(path: &str) -> bool {
    let first = path.split('.').next().unwrap_or_default();
    DOCUMENTED.contains(&path) || OPEN.contains(&first)
}

/// The paths that the API's documents know.
pub(crate) fn paths<'a>() -> impl Iterator<Item = &'a str> {
    DOCUMENTED.into_iter().chain(["pendingMaintenance"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_names_are_known_and_so_is_the_inside_of_open_ones() {
        for path in [
            "name",
            "operatingSystem.family",
            "tags",
            "tags.name",
            "availability.region",
            "pendingMaintenance",
        ] {
            assert!(is_documented(path), "{path}");
        }
        assert!(!is_documented("operatingSystem.famly") && !is_documented("nme"));
    }
}
