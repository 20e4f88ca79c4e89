//! Which directories and files are used, and what others find in them.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use rusqlite::Connection;

use super::{contents, knowledge, learned, limit, now, place};
use crate::store::{FILE, Store, StoreError};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn what_is_not_there_is_not_made_by_looking() {
    let (folder, directory) = place();
    assert!(Store::open_existing(&directory).unwrap().is_none());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    drop(Store::open(&directory).unwrap());
    assert!(Store::open_existing(&directory).unwrap().is_some());
}

/// The umask of a test process is not ours to change; `tests/it` runs the program under one that takes nothing away.
#[test]
fn d9_directory_and_files_are_their_owners_alone_while_they_are_in_use() {
    let (folder, directory) = place();
    let mut store = Store::open(&directory).unwrap();
    store.keep_learned(&learned("one", now(), knowledge(vec![limit("default", 300)]))).unwrap();
    assert_eq!((mode(&directory), mode(&folder.path().join("some"))), (0o700, 0o700));
    for name in ["rollcall.db", "rollcall.db-wal", "rollcall.db-shm"] {
        assert_eq!(mode(&directory.join(name)), 0o600, "{name}");
    }
    drop(store);
    fs::set_permissions(directory.join(FILE), fs::Permissions::from_mode(0o664)).unwrap();
    let _store = Store::open(&directory).unwrap();
    assert_eq!(mode(&directory.join(FILE)), 0o600, "what a backup brought back is narrowed");
}

#[test]
fn d11_what_is_committed_is_on_the_disk() {
    let (_folder, directory) = place();
    for _ in 0..2 {
        let store = Store::open(&directory).unwrap();
        let pragma = |name| store.connection.pragma_query_value(None, name, |row| row.get::<_, String>(0));
        let number = |name| store.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        assert_eq!((number("synchronous").unwrap(), pragma("journal_mode").unwrap().as_str()), (2, "wal"));
    }
}

#[test]
fn d1_a_directory_that_others_can_enter_is_refused() {
    for mode in [0o750, 0o701, 0o777] {
        let (_folder, directory) = place();
        fs::create_dir_all(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(mode)).unwrap();
        for opened in [Store::open(&directory).map(drop), Store::open_existing(&directory).map(drop)] {
            let refused = opened.unwrap_err();
            assert!(matches!(refused, StoreError::Exposed { mode: told, .. } if told == mode), "{refused}");
        }
        assert!(!directory.join(FILE).exists());
    }
}

#[test]
fn d12_a_directory_that_anybody_can_replace_is_refused_and_not_made() {
    let (folder, directory) = place();
    let open_to_all = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    open_to_all(0o777);
    let refused = Store::open(&directory).unwrap_err();
    assert!(
        matches!(&refused, StoreError::Replaceable { path } if folder.path().ends_with(path)),
        "{refused}"
    );
    assert!(!directory.exists());
    open_to_all(0o1777);
    Store::open(&directory).unwrap();
}

#[test]
fn d12_links_are_refused_and_what_they_point_to_is_untouched() {
    let (folder, directory) = place();
    fs::create_dir_all(&directory).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
    let precious = folder.path().join("precious");
    for there in [false, true] {
        if there {
            fs::write(&precious, "keep me").unwrap();
        }
        symlink(&precious, directory.join(FILE)).unwrap();
        let refused = Store::open(&directory).unwrap_err();
        assert!(matches!(&refused, StoreError::Link { path } if path.ends_with(FILE)), "{refused}");
        assert_eq!(fs::read_to_string(&precious).ok(), there.then(|| "keep me".to_owned()));
        fs::remove_file(directory.join(FILE)).unwrap();
    }
    for target in [&directory, &folder.path().join("nowhere")] {
        let link = folder.path().join("link");
        symlink(target, &link).unwrap();
        assert!(matches!(Store::open(&link), Err(StoreError::Link { .. })), "{target:?}");
        fs::remove_file(&link).unwrap();
    }
    assert!(!directory.join(FILE).exists() && !folder.path().join("nowhere").exists());
}

#[test]
fn what_is_no_directory_or_no_file_is_told() {
    let (folder, directory) = place();
    fs::write(folder.path().join("file"), "").unwrap();
    let refused = Store::open(&folder.path().join("file")).unwrap_err();
    assert!(matches!(refused, StoreError::Kind { expected: "directory", .. }), "{refused}");
    let refused = Store::open(&folder.path().join("file/state")).unwrap_err();
    assert!(matches!(refused, StoreError::Directory { .. }), "{refused}");
    drop(Store::open(&directory).unwrap());
    fs::remove_file(directory.join(FILE)).unwrap();
    fs::create_dir(directory.join(FILE)).unwrap();
    let refused = Store::open(&directory).unwrap_err();
    assert!(matches!(refused, StoreError::Kind { expected: "file", .. }), "{refused}");
}

/// Makes a store with something in it; what is in its file.
fn whole_store(directory: &Path) -> Vec<u8> {
    let mut store = Store::open(directory).unwrap();
    store.keep_learned(&learned("one", now(), knowledge(vec![limit("default", 300)]))).unwrap();
    drop(store);
    fs::read(directory.join(FILE)).unwrap()
}

#[test]
fn d3_what_is_damaged_or_no_database_is_left_as_it_is() {
    let (_folder, directory) = place();
    let whole = whole_store(&directory);
    let mut torn = whole.clone();
    // The first page is whole, what it refers to is not.
    torn[4096..].fill(0x5a);
    let mut headless = whole;
    headless[..100].fill(0x5a);
    // What was never write-ahead is not made so before it is known to be whole.
    let mut plain = torn.clone();
    plain[18..20].fill(1);
    for bytes in [torn, plain, headless, b"not a database, but somebody's notes\n".repeat(300)] {
        fs::write(directory.join(FILE), &bytes).unwrap();
        let before = contents(&directory);
        let refused = match Store::open(&directory) {
            Ok(store) => store.all_learned().map(drop).unwrap_err(),
            Err(refused) => refused,
        };
        assert!(matches!(refused, StoreError::Damaged { .. }), "{refused:?}");
        assert_eq!(contents(&directory), before);
    }
}

#[test]
fn d3_whatever_byte_of_the_first_page_is_wrong_what_is_refused_is_left_as_it_is() {
    let (_folder, directory) = place();
    let whole = whole_store(&directory);
    let mut refused = 0;
    for (log, place) in [1, 2].into_iter().flat_map(|log| (0..4096).step_by(5).map(move |place| (log, place)))
    {
        let mut bytes = whole.clone();
        bytes[18..20].fill(log);
        bytes[place] ^= 0xff;
        fs::write(directory.join(FILE), &bytes).unwrap();
        if Store::open(&directory).is_err() {
            refused += 1;
            assert!(
                fs::read(directory.join(FILE)).unwrap() == bytes,
                "byte {place} was wrong, and now more is"
            );
        }
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn d3_a_database_of_another_program_is_left_as_it_is() {
    for mode in ["WAL", "DELETE"] {
        let (_folder, directory) = place();
        drop(Store::open(&directory).unwrap());
        fs::remove_file(directory.join(FILE)).unwrap();
        let other = Connection::open(directory.join(FILE)).unwrap();
        other.pragma_update(None, "journal_mode", mode).unwrap();
        other.execute_batch("CREATE TABLE photo (taken_at INTEGER, place TEXT)").unwrap();
        drop(other);
        let before = contents(&directory);
        let refused = Store::open(&directory).unwrap_err();
        assert!(matches!(refused, StoreError::NotOurs { .. }), "{mode}: {refused:?}");
        assert_eq!(contents(&directory), before, "{mode}");
    }
}

#[test]
fn d13_two_handles_read_and_write_at_once() {
    let (_folder, directory) = place();
    let mut one = Store::open(&directory).unwrap();
    let mut two = Store::open(&directory).unwrap();
    one.keep_learned(&learned("one", now(), knowledge(vec![limit("default", 1)]))).unwrap();
    two.keep_learned(&learned("two", now(), knowledge(vec![limit("default", 2)]))).unwrap();
    assert_eq!(one.all_learned().unwrap(), two.all_learned().unwrap());
    assert_eq!(one.all_learned().unwrap().len(), 2);
}

#[test]
fn d13_many_at_once_open_a_store_that_is_not_there_yet_and_none_is_turned_away() {
    for _ in 0..10 {
        let (_folder, directory) = place();
        std::thread::scope(|scope| {
            for number in 0..8 {
                let directory = &directory;
                scope.spawn(move || {
                    let mut store = Store::open(directory).unwrap();
                    let key = format!("key-{number}");
                    store.keep_learned(&learned(&key, now(), knowledge(vec![limit("a", number)]))).unwrap();
                });
            }
        });
        assert_eq!(Store::open(&directory).unwrap().all_learned().unwrap().len(), 8);
    }
}

#[test]
fn what_sqlite_says_is_told_as_what_can_be_done_about_it() {
    let of = |code| {
        let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        StoreError::of(Path::new("/state/rollcall.db"), error)
    };
    assert!(matches!(of(rusqlite::ffi::SQLITE_READONLY), StoreError::ReadOnly { .. }));
    assert!(matches!(of(rusqlite::ffi::SQLITE_BUSY), StoreError::Busy { .. }));
    assert!(matches!(of(rusqlite::ffi::SQLITE_CORRUPT), StoreError::Damaged { .. }));
    assert!(matches!(of(rusqlite::ffi::SQLITE_FULL), StoreError::Failed { .. }));
}
