//! Whether a directory lies on a file system of this machine.
//!
//! SQLite's write-ahead log is shared memory, which is shared only between processes of one machine, and its locks are
//! those of the file system, which over a network are often none. Two runs would then damage the database without a word.
//! Source: SQLite's documents, "Write-Ahead Logging" (1, disadvantage 2) and "How To Corrupt An SQLite Database File" (2.1).

use std::{io, path::Path};

/// The kind of the file system in which this path lies, if it is one of another machine's: `NFS`.
///
/// Where the system does not tell kinds by number, none is known.
pub(super) fn remote_kind(path: &Path) -> io::Result<Option<&'static str>> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let told = i128::from(rustix::fs::statfs(path)?.f_type);
        // As wide and as signed as the architecture has it; the numbers have 32 bits.
        Ok(u32::try_from(told & i128::from(u32::MAX)).ok().and_then(kind_of))
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = path;
        Ok(None)
    }
}

/// What a file system of this number is called, if it is one of another machine's. Source: Linux, `linux/magic.h`.
///
/// Every other number passes. FUSE (`0x6573_5546`) too, for it does not say what is behind it: sshfs is remote, but
/// encrypted and overlaid home directories are FUSE as well, and are local.
#[cfg_attr(
    not(any(target_os = "linux", target_os = "android", test)),
    expect(dead_code, reason = "no numbers there")
)]
fn kind_of(magic: u32) -> Option<&'static str> {
    match magic {
        0x0000_6969 => Some("NFS"),
        // SMB_SUPER_MAGIC, CIFS_SUPER_MAGIC and SMB2_SUPER_MAGIC.
        0x0000_517b | 0xff53_4d42 | 0xfe53_4d42 => Some("SMB"),
        0x0102_1997 => Some("9p"),
        // AFS_SUPER_MAGIC is OpenAFS's, AFS_FS_MAGIC the kernel's own.
        0x5346_414f | 0x6b41_4653 => Some("AFS"),
        0x00c3_6400 => Some("Ceph"),
        0x7375_7245 => Some("Coda"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d6_file_systems_of_other_machines_are_told_by_their_number() {
        for (magic, kind) in [
            (0x6969, "NFS"),
            (0x517b, "SMB"),
            (0xff53_4d42, "SMB"),
            (0xfe53_4d42, "SMB"),
            (0x0102_1997, "9p"),
            (0x5346_414f, "AFS"),
            (0x6b41_4653, "AFS"),
            (0x00c3_6400, "Ceph"),
            (0x7375_7245, "Coda"),
        ] {
            assert_eq!(kind_of(magic), Some(kind), "{magic:#x}");
        }
    }

    #[test]
    fn d6_local_and_unknown_file_systems_pass() {
        let local = [
            ("ext4", 0xef53),
            ("XFS", 0x5846_5342),
            ("Btrfs", 0x9123_683e),
            ("ZFS", 0x2fc1_2fc1),
            ("F2FS", 0xf2f5_2010),
            ("tmpfs", 0x0102_1994),
            ("overlayfs", 0x794c_7630),
            ("eCryptfs", 0xf15f),
            ("FUSE", 0x6573_5546),
            ("one that is not made yet", 0x1234_5678),
            ("none", 0),
        ];
        for (name, magic) in local {
            assert_eq!(kind_of(magic), None, "{name}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn d6_the_kind_is_that_of_the_path() {
        // Not another machine's, whatever else it is; and what is not there has none.
        assert_eq!(remote_kind(Path::new("/proc")).unwrap(), None);
        assert_eq!(remote_kind(Path::new("/nowhere/at/all")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
