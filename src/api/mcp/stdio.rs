//! One agent at standard input and output; for `peanut mcp`. Nothing but the protocol is ever written there.

use rmcp::service::{QuitReason, ServerInitializeError, serve_server_with_ct};
use tokio_util::sync::CancellationToken;

use super::Mcp;

/// Serves until the other end closes or `ending` is cancelled.
///
/// # Errors
/// When the other end does not speak the protocol, in words.
pub async fn serve(mcp: Mcp, ending: CancellationToken) -> Result<(), String> {
    let transport = rmcp::transport::stdio_pipes();
    let running = match serve_server_with_ct(mcp, transport, ending).await {
        Ok(running) => running,
        // It went before it said anything: nothing was asked.
        Err(ServerInitializeError::ConnectionClosed(_) | ServerInitializeError::Cancelled) => return Ok(()),
        Err(error) => return Err(format!("the other end does not speak the Model Context Protocol: {error}")),
    };
    match running.waiting().await {
        Ok(QuitReason::JoinError(error)) | Err(error) => Err(format!("serving it failed: {error}")),
        Ok(_) => Ok(()),
    }
}
