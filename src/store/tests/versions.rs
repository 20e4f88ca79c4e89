//! Databases that other versions of this program wrote.

use std::{fs, path::Path, time::Duration};

use rusqlite::Connection;

use super::{SHA, account, contents, now, place, times};
use crate::store::{FILE, Store, StoreError, schema};

#[test]
fn d4_a_newer_schema_is_left_as_it_is_also_where_some_of_it_is_only_in_the_log() {
    let (_folder, directory) = place();
    drop(Store::open(&directory).unwrap());
    let path = directory.join(FILE);
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", schema::newest() + 1).unwrap();
    let in_log = contents(&directory);
    // As after a crash: the newer version is in the log alone.
    newer.close().unwrap();
    let in_file = contents(&directory);
    assert_ne!(in_log, in_file);
    for files in [in_file, in_log] {
        for (path, bytes) in &files {
            fs::write(path, bytes).unwrap();
        }
        let refused = Store::open(&directory).unwrap_err();
        let known = schema::newest();
        assert!(
            matches!(refused, StoreError::Newer { found, known: told, .. } if (found, told) == (known + 1, known)),
            "{refused:?}"
        );
        let left = contents(&directory);
        for name in ["rollcall.db", "rollcall.db-wal"] {
            let path = directory.join(name);
            assert_eq!(left.get(&path), files.get(&path), "{name}");
        }
    }
}

/// A database of version 1 as it was when that version was released. It is never edited.
const VERSION_1: &str = "
    CREATE TABLE knowledge (url TEXT NOT NULL, key TEXT NOT NULL, learned_at INTEGER NOT NULL, run_id TEXT,
        let_through_requests INTEGER, let_through_ns INTEGER, PRIMARY KEY (url, key)) STRICT;
    CREATE TABLE learned_limit (url TEXT NOT NULL, key TEXT NOT NULL, place INTEGER NOT NULL, bucket TEXT NOT NULL,
        requests INTEGER NOT NULL, window_ns INTEGER, renewal TEXT NOT NULL, learned_from TEXT NOT NULL,
        PRIMARY KEY (url, key, place),
        FOREIGN KEY (url, key) REFERENCES knowledge (url, key) ON DELETE CASCADE) STRICT;
    CREATE TABLE run_times (url TEXT NOT NULL, key TEXT NOT NULL, playbook TEXT NOT NULL, first_step INTEGER NOT NULL,
        steps INTEGER NOT NULL, learned_at INTEGER NOT NULL, sample_ns TEXT NOT NULL,
        PRIMARY KEY (url, key, playbook, first_step, steps)) STRICT;
    CREATE INDEX run_times_by_age ON run_times (learned_at);
    INSERT INTO knowledge VALUES ('https://cloud.hostup.se', 'KEY', 1772366400000, '01RUN', NULL, NULL);
    INSERT INTO learned_limit VALUES ('https://cloud.hostup.se', 'KEY', 1, 'start', 60, NULL, 'steadily', 'header');
    INSERT INTO learned_limit VALUES ('https://cloud.hostup.se', 'KEY', 0, 'default', 300, 5000000000, 'at_once',
        'refusals');
    INSERT INTO learned_limit VALUES ('https://cloud.hostup.se', 'KEY', 2, 'poll', 9, NULL, 'at_once', 'rumour');
    INSERT INTO run_times VALUES ('https://cloud.hostup.se', 'KEY', '0011', 0, 1, 1772366400000, '[5,6]');
    INSERT INTO run_times VALUES ('https://cloud.hostup.se', 'KEY', '0011', 1, 1, 1772366400000, 'five');
    PRAGMA user_version = 1;
";

fn older(directory: &Path, text: &str) {
    drop(Store::open(directory).unwrap());
    fs::remove_file(directory.join(FILE)).unwrap();
    let connection = Connection::open(directory.join(FILE)).unwrap();
    connection.execute_batch(&text.replace("'KEY'", &format!("'{}'", account("one").key()))).unwrap();
}

#[test]
fn a_database_of_the_first_version_is_read_and_what_only_others_understand_is_left_out() {
    let (_folder, directory) = place();
    older(&directory, VERSION_1);
    let store = Store::open(&directory).unwrap();
    let known = store.known(&account("one"), now()).unwrap();
    let told: Vec<_> =
        known.limits.iter().map(|limit| (limit.bucket.as_str(), limit.limit, limit.window)).collect();
    assert_eq!(told, [("default", 300, Some(Duration::from_secs(5))), ("start", 60, None)]);
    assert_eq!(store.run_times(&account("one"), SHA, now()).unwrap(), times(&[(0, 1, &[5, 6])]));
    assert_eq!(schema::version(&store.connection).unwrap(), schema::newest());
}

#[test]
fn an_older_database_goes_through_the_missing_migrations_all_or_none() {
    let (_folder, directory) = place();
    older(&directory, VERSION_1);
    let mut connection = Connection::open(directory.join(FILE)).unwrap();
    let with = |second| [schema::MIGRATIONS[0], second];
    let halfway = "ALTER TABLE knowledge ADD COLUMN note TEXT; INSERT INTO nowhere VALUES (1);";
    assert!(schema::migrate(&mut connection, &with(halfway)).is_err());
    assert_eq!(schema::version(&connection).unwrap(), 1);

    let added = with("ALTER TABLE knowledge ADD COLUMN note TEXT NOT NULL DEFAULT 'none';");
    for _ in 0..2 {
        schema::migrate(&mut connection, &added).unwrap();
        let row = connection
            .query_row("SELECT run_id || note FROM knowledge", [], |row| row.get::<_, String>(0))
            .unwrap();
        assert_eq!((schema::version(&connection).unwrap(), row.as_str()), (2, "01RUNnone"));
    }
}
