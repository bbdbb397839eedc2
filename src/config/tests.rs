mod table;

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
fn what_is_wrong_in_the_file_is_told_without_its_secrets() {
    let message = |text: &str| load(&[], Some(text)).unwrap_err().to_string();
    for secret in [
        "[store]\npostgres_url = \"postgres://u:plAnt3d@h/d\n",
        "[store]\npostgres_url = postgres://u:plAnt3d@h/d\n",
        "[graph]\npassword = plAnt3d\n",
        "[graph]\npassword = 4711\n",
    ] {
        let message = message(secret);
        assert!(message.contains("line 2"), "{message}");
        assert!(!message.contains("plAnt3d") && !message.contains("4711"), "{message}");
    }
    assert!(message("[graph]\n\nport = \"x\"\n").contains("line 3"));
}

#[test]
fn impossible_values_say_what_would_do() {
    let message = load(&[], Some("[chunks]\ntokens = 4\n")).unwrap_err().to_string();
    assert!(message.contains("chunks.tokens") && message.contains("32 to 8192"), "{message}");
    let message = load(&[("PEANUT_MODEL", "gpt")], None).unwrap_err().to_string();
    assert!(message.contains("minilm"), "{message}");
}

#[test]
fn own_addresses_are_read_and_checked() {
    let listed = "me = [\"Ann@X.org\", \"ann@x.org\", \" a.lee@work.example \"]\n";
    assert_eq!(load(&[], Some(listed)).unwrap().me, ["ann@x.org", "a.lee@work.example"]);
    assert_eq!(load(&[("PEANUT_ME", "b@y.org, c@z.org")], Some(listed)).unwrap().me, ["b@y.org", "c@z.org"]);
    assert!(load(&[], None).unwrap().me.is_empty());
    let message = load(&[], Some("me = [\"Ann\"]\n")).unwrap_err().to_string();
    assert!(message.contains("ann") && message.contains("you@example.org"), "{message}");
}

#[test]
fn a_named_file_that_is_missing_is_an_error() {
    let overrides = Overrides { config_file: Some("/nowhere/config.toml".into()), ..Overrides::default() };
    let message = Config::load(&overrides, &Environment::of(&[("HOME", "/h")])).unwrap_err().to_string();
    assert!(message.contains("/nowhere/config.toml"), "{message}");
}

#[test]
fn the_example_file_is_valid_and_changes_nothing() {
    assert_eq!(load(&[], Some(&example(&["quit"]))).unwrap().chunk_tokens, load(&[], None).unwrap().chunk_tokens);
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
    let used = load(&[("POSTGRES_URL", "postgres://u:p@127.0.0.1:1/db"), ("OLLAMA_URL", "127.0.0.1:1")], None).unwrap();
    assert!(used.unused_services.is_empty(), "{:?}", used.unused_services);
    let idle = load(&[("EMBED_MODEL", "x"), ("FALKORDB_PORT", "1")], None).unwrap().unused_services;
    assert_eq!(idle, ["FALKORDB_PORT", "EMBED_MODEL"]);
}

#[test]
fn secrets_come_from_files_before_the_environment_and_never_show() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openai_api_key");
    let own = folder.path().join("own");
    private(&path, "from-folder\n");
    private(&own, "from-file\n");
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

#[test]
fn the_door_opens_on_loopback_unless_told_otherwise() {
    let serve = |variables: &[(&str, &str)], text: Option<&str>| load(variables, text).unwrap().serve;
    assert_eq!(serve(&[], None), ServeSettings::default());
    let address = |settings: ServeSettings| settings.listen.unwrap().to_string();
    assert_eq!(address(serve(&[], None)), "127.0.0.1:8000");
    assert_eq!(address(serve(&[("API_PORT", "8123")], None)), "127.0.0.1:8123");
    let file = "[serve]\nlisten = \"0.0.0.0:80\"\nmetrics_listen = \"9000\"\n";
    assert_eq!(address(serve(&[], Some(file))), "0.0.0.0:80");
    assert_eq!(serve(&[], Some(file)).metrics_listen.unwrap().to_string(), "127.0.0.1:9000");
    let socket = "[serve]\nlisten = \"off\"\nunix_socket = \"/run/p.sock\"\n";
    assert_eq!(serve(&[], Some(socket)).listen, None);
    let message = |text: &str| load(&[], Some(text)).unwrap_err().to_string();
    assert!(message("[serve]\nlisten = \"off\"\n").contains("unix_socket"));
    assert!(message("[serve]\ntls_key = \"k\"\n").contains("tls_certificate"));
    assert!(load(&[("API_PORT", "http")], None).unwrap_err().to_string().contains("API_PORT"));
}

/// A file that only its owner may read.
fn private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn secrets_that_others_may_read_are_refused_with_the_remedy() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api_key_read");
    private(&path, "a-key-from-the-folder\n");
    let (name, file) = (folder.path().to_str().unwrap(), path.to_str().unwrap());
    let ways = [("PEANUT_SECRETS_DIR", name), ("CREDENTIALS_DIRECTORY", name), ("API_KEY_READ_FILE", file)];
    for mode in [0o600, 0o400, 0o440, 0o604, 0o644, 0o444, 0o602] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        for way in ways {
            match load(&[way], None) {
                Ok(config) => {
                    assert_eq!(mode & 0o006, 0, "{way:?} {mode:o}");
                    assert_eq!(config.access.key_read.unwrap().reveal(), "a-key-from-the-folder");
                }
                Err(error) => {
                    assert_ne!(mode & 0o006, 0, "{way:?} {mode:o}");
                    let message = error.to_string();
                    assert!(message.contains(&format!("chmod 600 {file}")), "{message}");
                    assert!(message.contains(&format!("{mode:04o}")) && !message.contains("a-key"), "{message}");
                }
            }
        }
    }
}

#[test]
fn credentials_of_systemd_come_before_the_secrets_folder() {
    let (credentials, secrets) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    private(&credentials.path().join("api_key_write"), "a-key-from-systemd");
    private(&secrets.path().join("api_key_write"), "a-key-from-the-runtime");
    private(&secrets.path().join("api_key_read"), "a-key-from-the-runtime");
    let variables = [
        ("CREDENTIALS_DIRECTORY", credentials.path().to_str().unwrap()),
        ("PEANUT_SECRETS_DIR", secrets.path().to_str().unwrap()),
        ("API_KEY_WRITE", "a-key-from-the-environment"),
    ];
    let access = load(&variables, None).unwrap().access;
    assert_eq!(access.key_write.unwrap().reveal(), "a-key-from-systemd");
    assert_eq!(access.key_read.unwrap().reveal(), "a-key-from-the-runtime");
}

#[test]
fn access_has_limits_and_refuses_keys_that_can_be_guessed() {
    let access = |variables: &[(&str, &str)], text: Option<&str>| load(variables, text).unwrap().access;
    assert_eq!(access(&[], None), AccessSettings::default());
    assert_eq!(access(&[], None).per_address_per_minute, 100);
    let file = "[limits]\nper_address = 7\nper_key = 9\n[mcp]\npersonal_data = true\n";
    let told = access(&[("PEANUT_LIMIT_PER_KEY", "0"), ("API_KEY_READ", "0123456789abcdef")], Some(file));
    assert_eq!((told.per_address_per_minute, told.per_key_per_minute, told.mcp_personal_data), (7, 0, true));
    assert!(!format!("{told:?}").contains("0123456789"), "{told:?}");
    let config = load(&[("OLLAMA_URL", "http://me:plAnt3d@h"), ("POSTGRES_URL", "postgres://me:plAnt3d@h/d")], None);
    assert!(!format!("{config:?}").contains("plAnt3d"), "{config:?}");
    let message = |variables: &[(&str, &str)]| load(variables, None).unwrap_err().to_string();
    let short = message(&[("API_KEY_WRITE", "hunter2")]);
    assert!(short.contains("API_KEY_WRITE") && short.contains("16") && !short.contains("hunter2"), "{short}");
    assert!(message(&[("PEANUT_LIMIT_PER_ADDRESS", "many")]).contains("requests a minute"));
    assert!(message(&[("PEANUT_LIMIT_PER_ADDRESS", "4000000000")]).contains("requests a minute"));
    assert!(message(&[("PEANUT_MCP_PERSONAL_DATA", "perhaps")]).contains("true or false"));
}
