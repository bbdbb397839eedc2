//! What `deploy/` promises: nothing secret travels into a build, and an endless crash ends.

use std::collections::HashMap;

fn read(path: &str) -> String {
    let root = env!("CARGO_MANIFEST_DIR");
    std::fs::read_to_string(format!("{root}/{path}")).unwrap()
}

/// The last value of each setting of the unit.
fn unit() -> HashMap<String, String> {
    let text = read("deploy/peanut.service");
    let settings = text.lines().filter(|line| !line.starts_with(['#', '['])).filter_map(|line| line.split_once('='));
    settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn a_build_sees_what_it_needs_and_nothing_else() {
    let rules = read(".dockerignore");
    let rules: Vec<&str> = rules.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert_eq!(rules[0], "*", "everything is left out but what is named");
    let named: Vec<&str> = rules.iter().filter_map(|rule| rule.strip_prefix('!')).collect();
    assert_eq!(named, ["Cargo.toml", "Cargo.lock", "build.rs", "src", "assets", "migrations", "benches"]);
    for never in ["**/secrets", "**/target", "**/.env"] {
        assert!(rules.contains(&never), "{never}");
    }
}

#[test]
fn the_unit_needs_no_user_and_its_process_has_bounds() {
    let unit = unit();
    assert_eq!((unit["DynamicUser"].as_str(), unit["StateDirectory"].as_str()), ("yes", "peanut"));
    for bound in ["MemoryMax", "TasksMax"] {
        assert!(unit[bound].trim_end_matches(['G', 'M']).parse::<u64>().is_ok_and(|most| most > 0), "{bound}");
    }
}

#[test]
fn an_endless_crash_reaches_the_limit_of_starts() {
    let unit = unit();
    let number = |name: &str| unit[name].trim_end_matches("min").parse::<u64>().unwrap();
    let (burst, pause, minutes) = (number("StartLimitBurst"), number("RestartSec"), number("StartLimitIntervalSec"));
    assert_eq!(unit["Restart"], "on-failure");
    // Also when it takes two minutes to crash.
    assert!(burst > 0 && burst * (pause + 120) < minutes * 60, "{burst} starts in {minutes} min");
}

/// Every file below a folder, in one text.
fn all_below(folder: &std::path::Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            all_below(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_promise_of_security_names_a_test_there_is() {
    let mut code = String::new();
    for folder in ["src", "tests"] {
        all_below(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut code);
    }
    let text = read("docs/SECURITY.md");
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| promise"));
    let mut tests = 0;
    for row in rows {
        let held_by = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let names: Vec<&str> = held_by.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "{row}");
        for name in names {
            let last = name.rsplit([':', ' ']).next().unwrap();
            // The name of a test, or of a room or file of tests.
            let is_there = if last.matches('_').count() > 1 {
                tests += 1;
                code.contains(&format!("fn {last}"))
            } else {
                let path = name.replace("::tests", "").replace("::", "/").replace(": ", "/");
                let below = |folder: &str| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(&path);
                ["src", "tests"]
                    .iter()
                    .any(|folder| below(folder).exists() || below(folder).with_extension("rs").exists())
            };
            assert!(is_there, "{name}");
        }
    }
    assert!(tests > 20, "{tests}");
}
