//! `peanut keys` as scripts use it.

use serde_json::Value;

use crate::support::Home;

#[test]
fn the_secret_stands_alone_on_standard_output_and_nowhere_else() {
    let home = Home::new();
    let made = home.run(&["keys", "create", "laptop of Ann", "--scope", "write"]);
    assert_eq!(made.code, Some(0), "{}", made.err);
    let secret = made.out.strip_suffix('\n').expect("one line");
    let random = secret.strip_prefix("peanut_").expect("the prefix");
    assert!(random.len() == 64 && random.chars().all(|c| c.is_ascii_hexdigit()), "{secret}");
    assert!(made.err.contains("laptop of Ann") && made.err.contains("scope write") && !made.err.contains(random));
    for list in [&["keys", "list"][..], &["keys", "list", "--json"]] {
        let listed = home.run(list);
        assert!(listed.out.contains("laptop of Ann") && !listed.out.contains(random), "{}", listed.out);
    }
}

#[test]
fn keys_are_listed_revoked_and_forgotten() {
    let home = Home::new();
    let empty = home.run(&["keys", "list"]);
    assert_eq!((empty.code, empty.out.as_str()), (Some(1), ""), "nothing found");
    let ((first, _), (second, _)) = (home.key("first", "read"), home.key("second", "admin"));
    let listed = || -> Vec<(String, String)> {
        let listed: Value = serde_json::from_str(&home.run(&["keys", "list", "--json"]).out).expect("JSON");
        let text = |key: &Value, name: &str| key[name].as_str().expect("text").to_owned();
        listed.as_array().expect("a list").iter().map(|key| (text(key, "id"), text(key, "state"))).collect()
    };
    assert_eq!(listed(), [(first.clone(), "active".into()), (second.clone(), "active".into())]);
    assert_eq!(home.run(&["keys", "revoke", &first]).code, Some(0));
    assert_eq!(home.run(&["keys", "revoke", &first]).code, Some(0), "twice is once");
    assert_eq!(listed()[0].1, "revoked");
    assert_eq!(home.run(&["keys", "revoke", &second, "--forget"]).code, Some(0));
    assert_eq!(listed().len(), 1);
    for unknown in [&["keys", "revoke", "k0"][..], &["keys", "revoke", "k0", "--forget"], &["keys", "rotate", "k0"]] {
        let refused = home.run(unknown);
        assert!(refused.code == Some(2) && refused.err.contains("peanut keys list"), "{}", refused.err);
        assert_eq!(refused.out, "");
    }
    let refused = home.run(&["keys", "rotate", &first]);
    assert!(refused.code == Some(2) && refused.err.contains("revoked"), "{}", refused.err);
}

#[test]
fn a_rotated_key_has_another_secret_and_the_same_name() {
    let home = Home::new();
    let (id, old) = home.key("job", "write");
    let rotated = home.run(&["keys", "rotate", &id, "--expires", "30d"]);
    assert_eq!(rotated.code, Some(0), "{}", rotated.err);
    let new = rotated.out.trim_end();
    assert!(new.starts_with("peanut_") && new != old && new.len() == old.len());
    let listed: Value = serde_json::from_str(&home.run(&["keys", "list", "--json"]).out).expect("JSON");
    assert_eq!(
        (&listed[0]["id"], &listed[0]["name"], &listed[0]["scope"]),
        (&id.into(), &"job".into(), &"write".into())
    );
    assert!(listed[0]["rotated_at"].is_i64() && listed[0]["expires_at"].is_i64(), "{listed}");
}

#[test]
fn what_no_key_can_have_is_refused() {
    let home = Home::new();
    let long = "n".repeat(101);
    for (arguments, hint) in [
        (&["keys", "create", " "][..], "1 to 100"),
        (&["keys", "create", "two\nlines"], "one line"),
        (&["keys", "create", &long], "1 to 100"),
        (&["keys", "create", "x", "--expires", "soon"], "90d"),
        (&["keys", "create", "x", "--expires", "2001-01-01"], "future"),
        (&["keys", "create", "x", "--scope", "root"], "admin"),
    ] {
        let refused = home.run(arguments);
        assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(refused.err.contains(hint), "{arguments:?}: {}", refused.err);
    }
    assert_eq!(home.run(&["keys", "list"]).code, Some(1));
}
