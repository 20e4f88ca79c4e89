//! A store that somebody else wrote.

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use rollcall::{
    budget::{Knowledge, LetThrough},
    hostup::{ApiKey, ApiUrl},
    store::{Account, Learned, Store},
};

/// What a database of SQLite begins with.
const HEADER: &[u8] = b"SQLite format 3\0";

/// **Property.** Opening a file of any bytes, reading it and writing to it end without a panic. What is no database is
/// refused, and what is refused is left as it was, with nothing beside it; of a database whose tables turn out to be
/// others only once it is to get ours, the header may say that it has a write-ahead log now.
pub fn holds(bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    fs::write(folder.path().join("rollcall.db"), bytes).unwrap();
    fs::set_permissions(folder.path().join("rollcall.db"), Permissions::from_mode(0o600)).unwrap();
    let before = contents(folder.path(), bytes);
    match Store::open(folder.path()) {
        Ok(mut store) => {
            // SQLite takes a file of one byte for a new one too.
            assert!(bytes.len() <= 1 || bytes.starts_with(HEADER));
            use_it(&mut store);
        }
        Err(_) => assert!(contents(folder.path(), bytes) == before, "what was refused is not what it was"),
    }
}

/// What it says may be nonsense, and what cannot be done an error.
fn use_it(store: &mut Store) {
    let now = "2026-03-09T12:00:00Z".parse().unwrap();
    let account = Account::new(&ApiUrl::default(), &ApiKey::from_text("hup_1234").unwrap());
    let _ = store.all_learned();
    let _ = store.known(&account, now);
    let _ = store.run_times(&account, "9f86d081", now);
    let let_through = Some(LetThrough { requests: 6_003, span: std::time::Duration::from_secs(5) });
    let knowledge = Knowledge { limits: Vec::new(), let_through };
    let learned = Learned { account: account.clone(), at: now, run_id: None, knowledge };
    if store.keep_learned(&learned).is_ok() {
        let _ = store.learned_on(&account);
    }
}

/// All files, without what SQLite writes of itself into the header of a database.
fn contents(folder: &Path, bytes: &[u8]) -> BTreeMap<std::ffi::OsString, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    let mut files: BTreeMap<_, _> =
        files.map(|file| (file.file_name(), fs::read(file.path()).unwrap())).collect();
    if bytes.starts_with(HEADER) {
        // The versions of the format, the counter of changes, and the version of SQLite that made them.
        for content in files.values_mut().filter(|content| content.len() >= 100) {
            for range in [18..20, 24..28, 92..100] {
                content[range].fill(0);
            }
        }
    }
    files
}
