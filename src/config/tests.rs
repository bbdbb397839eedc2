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

fn service(variables: &[(&str, &str)], text: Option<&str>) -> ServiceSettings {
    load(variables, text).unwrap().services
}

#[test]
fn services_are_used_when_their_address_is_given() {
    assert_eq!(service(&[], None), ServiceSettings::default());
    let falkordb = service(&[("FALKORDB_HOST", "graph")], None).falkordb.unwrap();
    assert_eq!((falkordb.host.as_str(), falkordb.port, falkordb.graph.as_str()), ("graph", 6379, "peanut"));
    let text = "[graph]\nhost = \"a\"\nport = 7\nname = \"g\"\n[embedding]\nollama_url = \"box:11434\"\n";
    let both = service(&[("FALKORDB_PORT", "8")], Some(text));
    assert_eq!(both.falkordb.unwrap().port, 8);
    let ollama = |model: &str| EmbedService::Ollama { url: "http://box:11434".into(), model: model.into() };
    assert_eq!(both.embedder, Some(ollama("nomic-embed-text")));
    let named = [("OLLAMA_URL", "http://box:11434/"), ("EMBED_MODEL", "bge-m3")];
    assert_eq!(service(&named, None).embedder, Some(ollama("bge-m3")));
    assert_eq!(service(&[named[0], ("PEANUT_MODEL", "static")], None).embedder, None);
    let idle = load(&[("EMBED_MODEL", "x"), ("FALKORDB_PORT", "1")], None).unwrap().unused_services;
    assert_eq!(idle, ["FALKORDB_PORT", "EMBED_MODEL"]);
}

#[test]
fn secrets_come_from_files_before_the_environment_and_never_show() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openai_api_key");
    let own = folder.path().join("own");
    std::fs::write(&path, "from-folder\n").unwrap();
    std::fs::write(&own, "from-file\n").unwrap();
    let (folder, own) = (folder.path().to_str().unwrap(), own.to_str().unwrap());
    let key = |more: &[(&str, &str)]| {
        let mut all = vec![("OPENAI_BASE_URL", "http://x/v1"), ("EMBED_MODEL", "m"), ("OPENAI_API_KEY", "from-env")];
        all.extend_from_slice(more);
        let settings = service(&all, None);
        assert!(!format!("{settings:?}").contains("from-"), "{settings:?}");
        match settings.embedder {
            Some(EmbedService::OpenAi { key: Some(key), .. }) => key.reveal().to_owned(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(key(&[("PEANUT_SECRETS_DIR", "/nowhere")]), "from-env");
    assert_eq!(key(&[("PEANUT_SECRETS_DIR", folder)]), "from-folder");
    assert_eq!(key(&[("PEANUT_SECRETS_DIR", folder), ("OPENAI_API_KEY_FILE", own)]), "from-file");
    assert!(load(&[("POSTGRES_URL_FILE", "/nowhere/url")], None).unwrap_err().to_string().contains("/nowhere/url"));
}

#[test]
fn impossible_addresses_say_what_would_do() {
    let message = |variables: &[(&str, &str)]| load(variables, None).unwrap_err().to_string();
    assert!(message(&[("FALKORDB_HOST", "redis://x:1")]).contains("FALKORDB_PORT"));
    assert!(message(&[("FALKORDB_HOST", "x"), ("FALKORDB_PORT", "many")]).contains("port number"));
    assert!(message(&[("OLLAMA_URL", "ftp://x")]).contains("http://127.0.0.1:11434"));
    assert!(message(&[("OPENAI_BASE_URL", "http://x/v1")]).contains("EMBED_MODEL"));
    let postgres = message(&[("POSTGRES_URL", "mysql://u:hidden@h/d")]);
    assert!(postgres.contains("postgres://") && !postgres.contains("hidden"), "{postgres}");
    let alone = message(&[("POSTGRES_REPLICA_URL", "postgres://u:hidden@standby/d")]);
    assert!(alone.contains("POSTGRES_URL, which is not set") && !alone.contains("hidden"), "{alone}");
    let both = [("POSTGRES_URL", "postgres://u@h/d"), ("POSTGRES_REPLICA_URL", "standby:5432")];
    assert!(message(&both).contains("POSTGRES_REPLICA_URL"));
    let both = [("POSTGRES_URL", "postgres://u@h/d"), ("POSTGRES_REPLICA_URL", "postgres://u:p@standby/d")];
    let services = load(&both, None).unwrap().services;
    assert_eq!(services.postgres_replica_url.unwrap().reveal(), "postgres://u:p@standby/d");
}
