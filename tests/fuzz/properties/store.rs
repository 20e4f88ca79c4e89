//! A store that somebody else wrote.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
};

use rollcall::{
    budget::{Knowledge, LetThrough},
    hostup::{ApiKey, ApiUrl},
    store::{Account, Learned, Store},
};

/// What a database of SQLite begins with.
const HEADER: &[u8] = b"SQLite format 3\0";

/// **Property.** Opening a file of any bytes, reading it and writing to it end without a panic. What is refused is left as it
/// was, and nothing is left beside it.
pub fn holds(bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    let file = folder.path().join("rollcall.db");
    fs::write(&file, bytes).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    if let Ok(mut store) = Store::open(folder.path()) {
        // SQLite takes a file of one byte for a new one too.
        assert!(bytes.len() <= 1 || bytes.starts_with(HEADER));
        use_it(&mut store);
    } else {
        assert_eq!(fs::read(&file).unwrap(), bytes, "it is not what it was");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
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
