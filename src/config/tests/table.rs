//! The table of settings and what is read say the same: names, defaults, variables, the example file.

use super::*;
use crate::domain::settings::{Bounds, Kept, SETTINGS, SettingNow};

fn of<'a>(settings: &'a [SettingNow], name: &str) -> &'a SettingNow {
    settings.iter().find(|now| now.setting.name == name).unwrap_or_else(|| panic!("{name} has no value"))
}

#[test]
fn every_setting_has_a_value_and_the_default_of_the_table_is_the_one_in_force() {
    let settings = load(&[("PEANUT_SECRETS_DIR", "/nowhere")], None).unwrap().settings_now();
    assert_eq!(settings.len(), SETTINGS.iter().filter(|setting| setting.kept != Kept::Store).count());
    for now in &settings {
        assert_eq!(now.origin, Origin::Default, "{}", now.setting.name);
        // Folders and the host depend on the machine.
        let depends = ["data_dir", "state_dir", "drop_zone", "PEANUT_HOST"].contains(&now.setting.name);
        assert!(depends || now.value == now.setting.default, "{}: {}", now.setting.name, now.value);
    }
}

#[test]
fn every_setting_says_where_its_value_comes_from() {
    let text = "log_level = \"warn\"\n[screen]\ntheme = \"dark\"\n[limits]\nper_key = 4\n";
    let mut overrides = Overrides { data_dir: Some("/d".into()), ..Overrides::default() };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    overrides.config_file = Some(path);
    let environment =
        Environment::of(&[("HOME", "/home/u"), ("PEANUT_THEME", "light"), ("API_KEY_READ", "0123456789abcdef")]);
    let settings = Config::load(&overrides, &environment).unwrap().settings_now();
    for (name, value, origin) in [
        ("data_dir", "/d", Origin::Flag("--data-dir")),
        ("screen.theme", "light", Origin::Environment("PEANUT_THEME".into())),
        ("log_level", "warn", Origin::File),
        ("limits.per_key", "4", Origin::File),
        ("API_KEY_READ", "set, not shown", Origin::Environment("API_KEY_READ".into())),
        ("chunks.tokens", "512", Origin::Default),
    ] {
        let now = of(&settings, name);
        assert_eq!((now.value.as_str(), &now.origin), (value, &origin), "{name}");
        assert_eq!(now.fixed().is_none(), matches!(origin, Origin::File | Origin::Default), "{name}");
    }
}

#[test]
fn every_variable_of_the_table_changes_its_setting() {
    for setting in SETTINGS.iter().filter(|setting| !setting.is_secret()) {
        for variable in setting.variables {
            let value = match (setting.name, setting.bounds) {
                ("embedding.model", _) => "static",
                ("serve.tls_certificate" | "serve.tls_key", _) => continue,
                ("graph.port" | "graph.name", _) | (_, Bounds::Number { .. }) => "77",
                (_, Bounds::Switch) => "true",
                (_, Bounds::OneOf(words)) => words[0],
                ("me", _) => "a@b.org",
                ("serve.listen" | "serve.metrics_listen", _) => "127.0.0.1:77",
                ("embedding.ollama_url" | "embedding.openai_url", _) => "http://h:77",
                _ => "/77",
            };
            // The host makes a graph, and the names of models of services need one.
            let value = if *variable == "FALKORDB_HOST" { "h77" } else { value };
            if *variable == "EMBED_MODEL" {
                continue;
            }
            let with = [(*variable, value), ("FALKORDB_HOST", "h77"), ("EMBED_MODEL", "m")];
            let now = load(&with, None).unwrap().settings_now();
            let now = of(&now, setting.name);
            assert_eq!(now.origin, Origin::Environment((*variable).to_owned()), "{variable}");
            assert!(now.value.contains(value.trim_end_matches('/')), "{variable}: {}", now.value);
        }
    }
}

#[test]
fn the_example_names_every_setting_of_the_file() {
    let example = example(&["quit", "down"]);
    // Every line that is commented out is one that could stand there.
    let is_assignment = |line: &&str| {
        line.starts_with("# ") && line[2..].split_once(" = ").is_some_and(|(key, _)| !key.trim().contains(' '))
    };
    let used: Vec<String> =
        example.lines().map(|line| if is_assignment(&line) { line[2..].to_owned() } else { line.to_owned() }).collect();
    let table: toml::Table = used.join("\n").parse().unwrap();
    for setting in SETTINGS.iter().filter(|setting| setting.kept == Kept::File) {
        let value = match setting.name.split_once('.') {
            Some((section, key)) => table.get(section).and_then(|section| section.get(key)),
            None => table.get(setting.name),
        };
        assert!(value.is_some(), "{} is missing in:\n{example}", setting.name);
    }
}
