//! Opens the HTTP door over a house: who may pass, which sockets, and how they close. Called by `cli::serve`, and by
//! `cli::app` when the settings ask for it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use color_eyre::eyre::{self, eyre};
use tokio_util::sync::CancellationToken;

use crate::api::auth::Authenticator;
use crate::api::keys::{FixedKey, KeyRing, KeyRingOptions};
use crate::api::limits::LimitOptions;
use crate::api::listen::{Listeners, TlsFiles};
use crate::api::places::{self, Places};
use crate::api::{Api, ApiOptions, ApiParts, SettingView, Settings, metrics_router, router};
use crate::domain::Scope;
use crate::domain::settings;
use crate::health::StatusWorker;
use crate::store::StoreResult;
use crate::telemetry::metrics;

use super::shutdown::Shutdown;
use super::wiring::House;

/// Requests in hand may take this long once the process was told to end; what is left of the 30 s is for the workers'
/// and the store's own ends.
const REQUESTS_DRAIN: Duration = Duration::from_secs(20);
/// Between lines of the log that say what is waited for.
const TELL_PERIOD: Duration = Duration::from_secs(1);

/// The open door.
pub struct Door {
    listeners: Listeners,
    draining: CancellationToken,
}

impl Door {
    /// Opens every socket the settings name.
    ///
    /// # Errors
    /// When an address is not of this host alone and no key exists, or a socket cannot be opened; says what to do.
    pub async fn open(house: &Arc<House>, status: &Arc<StatusWorker>, shutdown: &Shutdown) -> eyre::Result<Self> {
        let settings = &house.config.serve;
        let ring = key_ring(house);
        if let Some(address) = settings.listen.filter(|address| !address.ip().is_loopback())
            && !ring.has_any_key().await?
        {
            return Err(eyre!(
                "{address} can be reached from other hosts and no key exists, so anybody could read everything: make a \
                 key with `peanut keys create`, or listen on 127.0.0.1"
            ));
        }
        let api = api(house, status, shutdown, Arc::new(ring))?;
        let proxies = api.options.trusted_proxies.clone();
        let mut listeners = Listeners::with(Places::new(places::MOST, places::MOST_OF_ONE, proxies));
        let tls = settings.tls.clone().map(|(certificate, key)| TlsFiles { certificate, key });
        if let Some(address) = settings.listen {
            listeners.tcp(address, tls.as_ref(), router(&api)).await?;
            if !address.ip().is_loopback() && tls.is_none() {
                tracing::warn!(%address, "keys_travel_unencrypted");
            }
        }
        if let Some(path) = &settings.unix_socket {
            listeners.unix(path, router(&api)).await?;
        }
        if let Some(address) = settings.metrics_listen {
            listeners.tcp(address, None, metrics_router(&api)).await?;
        }
        tracing::info!(addresses = listeners.addresses().join(","), "listening");
        Ok(Self { listeners, draining: shutdown.soft() })
    }

    /// Where it listens, as URLs.
    #[must_use]
    pub fn addresses(&self) -> &[String] {
        self.listeners.addresses()
    }

    /// Takes nothing new, answers what is in hand and closes; the log says what is waited for. Ends at once with the
    /// second signal.
    pub async fn drain(mut self, shutdown: &Shutdown) {
        self.draining.cancel();
        self.listeners.drain(REQUESTS_DRAIN);
        let hard = shutdown.hard();
        let mut tell = tokio::time::interval(TELL_PERIOD);
        loop {
            // The first line comes at once.
            let waiting_for = (self.listeners.connections(), metrics::requests_in_flight());
            tokio::select! {
                biased;
                () = hard.cancelled() => return,
                () = self.listeners.closed() => break,
                _ = tell.tick() => {
                    tracing::info!(connections = waiting_for.0, requests = waiting_for.1, "draining");
                }
            }
        }
        tracing::info!("door_closed");
    }
}

/// What the handlers stand on, over this house.
///
/// # Errors
/// When `serve.trusted_proxies` names something that is no address.
pub fn api(
    house: &Arc<House>,
    status: &Arc<StatusWorker>,
    shutdown: &Shutdown,
    authenticator: Arc<dyn Authenticator>,
) -> eyre::Result<Arc<Api>> {
    let settings = &house.config.serve;
    let trusted_proxies = settings.trusted_proxies.iter().map(|text| text.parse());
    let trusted_proxies = trusted_proxies.collect::<Result<Vec<_>, String>>();
    Ok(Api::new(ApiParts {
        store: Arc::clone(&house.store),
        search: Arc::clone(&house.search),
        intake: Arc::clone(&house.intake),
        graph: Arc::clone(&house.graph_reader),
        clock: Arc::clone(&house.clock),
        picture: status.picture(),
        refresh: status.refresh(),
        settings: Arc::new(HouseSettings(Arc::clone(house))),
        authenticator,
        draining: shutdown.soft(),
        options: ApiOptions {
            trusted_proxies: trusted_proxies.map_err(|error| eyre!("serve.trusted_proxies: {error}"))?,
            allowed_origins: settings.allowed_origins.clone(),
            mcp_personal_data: house.config.access.mcp_personal_data,
            ..ApiOptions::default()
        },
        seed: u64::from(std::process::id()) ^ house.clock.now().0.unsigned_abs(),
    }))
}

/// The keys of this store and of the settings.
fn key_ring(house: &House) -> KeyRing {
    let (access, serve) = (&house.config.access, &house.config.serve);
    let fixed = [("env:read", Scope::Read, &access.key_read), ("env:write", Scope::Write, &access.key_write)];
    let fixed =
        fixed.into_iter().filter_map(|(id, scope, secret)| Some(FixedKey { id, scope, secret: secret.clone()? }));
    let options = KeyRingOptions {
        fixed: fixed.collect(),
        loopback_only: serve.listen.is_none_or(|address| address.ip().is_loopback()),
        limits: LimitOptions {
            per_address_per_minute: access.per_address_per_minute,
            per_key_per_minute: access.per_key_per_minute,
        },
    };
    KeyRing::new(Arc::clone(&house.store), Arc::clone(&house.clock), options)
}

/// The settings that the store keeps, for the API.
struct HouseSettings(Arc<House>);

#[async_trait]
impl Settings for HouseSettings {
    async fn all(&self) -> StoreResult<Vec<SettingView>> {
        let stored = self.0.store.settings().await?;
        let value = |key: &str| stored.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
        let views = settings::in_store().map(|setting| SettingView {
            key: setting.name.to_owned(),
            value: value(setting.name).unwrap_or_else(|| setting.default.to_owned()),
            default: setting.default.to_owned(),
            about: setting.about.to_owned(),
        });
        Ok(views.collect())
    }

    fn check(&self, key: &str, value: &str) -> Result<(), String> {
        let known = settings::in_store().find(|setting| setting.name == key);
        let known = known.ok_or_else(|| format!("there is no setting {key}"))?;
        known.check(value).map_err(|error| error.to_string())
    }

    async fn put(&self, changes: &[(&'static str, String)]) -> StoreResult<()> {
        for (key, value) in changes {
            self.0.store.put_setting(key, value, self.0.clock.now()).await?;
        }
        self.0.settings_changed().await;
        Ok(())
    }
}
