//! A page of the inventory, from any body.

use rollcall::engine::{Answer, Call};

use super::api;

/// **Property.** A body is a page or unreadable, however little of its texts is kept; an id that counts as one is safe
/// inside a URL, and where the next page begins cannot lead to another origin.
pub fn holds(bytes: &[u8]) {
    match api::read_body_twice(&Call::List { cursor: None }, bytes) {
        [Answer::Listed(page), Answer::Listed(shorter)] => {
            assert_eq!(page.vpses.len(), shorter.vpses.len());
            assert_eq!(page.next.is_some(), shorter.next.is_some());
            for vps in &page.vpses {
                if let Ok(id) = vps.id() {
                    let id = id.as_str();
                    assert!(
                        id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)),
                        "{id}"
                    );
                    assert!((1..=64).contains(&id.len()), "{id}");
                }
                // It is kept as text, from which all is read again.
                assert_eq!(vps.clone().settled().fields(), vps.fields());
            }
            let next = Call::List { cursor: page.next };
            let address = api::client(api::ORIGIN, 48).address(&next);
            assert!(address.starts_with("http://127.0.0.1:8080/api/v2/vps?limit=100"), "{address}");
        }
        [one, two] => assert!(api::is_unreadable(&one) && api::is_unreadable(&two), "{one:?}\n{two:?}"),
    }
}
