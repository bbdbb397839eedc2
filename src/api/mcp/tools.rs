//! The list of tools: names, what they need, and how they describe themselves to an agent.

use std::sync::Arc;

use rmcp::model::{JsonObject, Tool, ToolAnnotations};

use crate::domain::Scope;

use super::{add, document, facts, nodes, thread};

/// One tool.
pub(super) struct ToolInfo {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    pub(super) needs: Scope,
    pub(super) schemas: fn() -> Schemas,
}

/// What goes in and what comes out.
pub(super) struct Schemas {
    pub(super) input: Arc<JsonObject>,
    pub(super) output: Arc<JsonObject>,
}

/// Every tool, the most used first.
pub(super) static ALL: [ToolInfo; 5] = [facts::TOOL, document::TOOL, thread::TOOL, nodes::TOOL, add::TOOL];

/// The tool with this name.
pub(super) fn find(name: &str) -> Option<&'static ToolInfo> {
    ALL.iter().find(|tool| tool.name == name)
}

impl ToolInfo {
    /// The tool as `tools/list` shows it. Nothing here destroys anything or reaches beyond this store, and asking or
    /// adding twice does what once does.
    pub(super) fn describe(&self) -> Tool {
        let schemas = (self.schemas)();
        let annotations = ToolAnnotations::with_title(self.title)
            .read_only(self.needs == Scope::Read)
            .destructive(false)
            .idempotent(true)
            .open_world(false);
        Tool::new(self.name, self.about, schemas.input)
            .with_title(self.title)
            .with_raw_output_schema(schemas.output)
            .with_annotations(annotations)
    }
}

/// Schemas of the types a tool takes and gives. Both are structs, so both are objects.
pub(super) fn schemas<I, O>() -> Schemas
where
    I: rmcp::schemars::JsonSchema + 'static,
    O: rmcp::schemars::JsonSchema + 'static,
{
    use rmcp::handler::server::tool::{schema_for_input, schema_for_output, schema_for_type};
    Schemas {
        input: schema_for_input::<I>().unwrap_or_else(|_| schema_for_type::<I>()),
        output: schema_for_output::<O>(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_argument_is_described_and_bounded() {
        for tool in &ALL {
            let described = serde_json::to_value(tool.describe()).unwrap();
            let schema = &described["inputSchema"];
            assert_eq!(schema["type"], "object", "{}", tool.name);
            assert_eq!(schema["additionalProperties"], false, "{}", tool.name);
            for (name, property) in schema["properties"].as_object().unwrap() {
                assert!(property["description"].as_str().is_some_and(|text| text.len() > 10), "{} {name}", tool.name);
                let kind = if property["type"].is_array() { &property["type"][0] } else { &property["type"] };
                let bounded = match kind.as_str() {
                    Some("string") => property["maxLength"].is_u64() || property["enum"].is_array(),
                    Some("integer") => property["minimum"].is_u64() && property["maximum"].is_u64(),
                    Some("array") => property["maxItems"].is_u64(),
                    _ => false,
                };
                assert!(bounded, "{} {name}: {property}", tool.name);
            }
            assert_eq!(described["outputSchema"]["type"], "object", "{}", tool.name);
            assert!(described["description"].as_str().is_some_and(|text| text.len() > 40));
            let hints = &described["annotations"];
            assert_eq!(hints["readOnlyHint"], Value::Bool(tool.name != add::NAME));
            assert_eq!(
                (&hints["destructiveHint"], &hints["openWorldHint"]),
                (&Value::Bool(false), &Value::Bool(false))
            );
            assert_eq!(hints["idempotentHint"], true);
        }
    }
}
