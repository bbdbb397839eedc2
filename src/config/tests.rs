use super::*;

fn load(variables: &[(&str, &str)], text: Option<&str>) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let mut overrides = Overrides::default();
    if let Some(text) = text {
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        overrides.config_file = Some(path);
    }
    let mut all = vec![("HOME", "/home/u")];
    all.extend_from_slice(variables);
    Config::load(&overrides, &Environment::of(&all))
}

#[test]
fn defaults_follow_the_xdg_folders() {
    let config = load(&[("XDG_STATE_HOME", "/var/state")], None).unwrap();
    assert_eq!(config.store_path, Path::new("/home/u/.local/share/peanut/peanut.db"));
    assert_eq!(config.drop_zone, Path::new("/home/u/.local/share/peanut/drop"));
    assert_eq!(config.log_dir(), Path::new("/var/state/peanut/logs"));
    assert_eq!(config.background_model, BackgroundModel::Minilm);
}

#[test]
fn environment_beats_file_and_flags_beat_both() {
    let text = "log_level = \"warn\"\ndrop_zone = \"/file\"\n";
    let config = load(&[("DROP_ZONE_PATH", "/env")], Some(text)).unwrap();
    assert_eq!(config.drop_zone, Path::new("/env"));
    assert_eq!(config.log_level, "warn");
    let overrides = Overrides { log_level: Some("debug".into()), data_dir: Some("/d".into()), config_file: None };
    let environment = Environment::of(&[("HOME", "/home/u"), ("LOG_LEVEL", "error")]);
    let config = Config::load(&overrides, &environment).unwrap();
    assert_eq!(config.log_level, "debug");
    assert_eq!(config.state_dir, Path::new("/d/state"));
}

#[test]
fn an_unknown_setting_is_named_with_its_line() {
    let message = load(&[], Some("colour = \"red\"\n")).unwrap_err().to_string();
    assert!(message.contains("config.toml") && message.contains("colour"), "{message}");
}

#[test]
fn impossible_values_say_what_would_do() {
    let message = load(&[], Some("[chunks]\ntokens = 4\n")).unwrap_err().to_string();
    assert!(message.contains("chunks.tokens") && message.contains("32 to 8192"), "{message}");
    let message = load(&[("PEANUT_MODEL", "gpt")], None).unwrap_err().to_string();
    assert!(message.contains("minilm"), "{message}");
}

#[test]
fn a_named_file_that_is_missing_is_an_error() {
    let overrides = Overrides { config_file: Some("/nowhere/config.toml".into()), ..Overrides::default() };
    let message = Config::load(&overrides, &Environment::of(&[("HOME", "/h")])).unwrap_err().to_string();
    assert!(message.contains("/nowhere/config.toml"), "{message}");
}

#[test]
fn the_example_file_is_valid_and_changes_nothing() {
    assert_eq!(load(&[], Some(EXAMPLE)).unwrap().chunk_tokens, load(&[], None).unwrap().chunk_tokens);
}
