//! A text that ends what parses it, handed over by an agent: refused by name, and the agent goes on.

use serde_json::json;

use crate::support::{Agent, Home, Server, rpc};

/// Makes parsers do what a text asks for.
const PLANNED: [(&str, &str); 1] = [("PEANUT_PANIC", "parser")];
const NAMED: &str = "ended its parser twice";

#[test]
fn an_agent_at_the_standard_streams_goes_on() {
    let home = Home::with(&PLANNED);
    let mut agent = Agent::start(&home, &[]);
    for killer in ["peanut-planned-overflow", "peanut-planned-abort"] {
        let told = agent.refuses("add_document", json!({ "title": "Killer", "text": killer }));
        assert!(told.contains(NAMED), "{told}");
    }
    let nested = format!("{}a", "* ".repeat(100_000));
    assert_eq!(agent.does("add_document", json!({ "text": nested }))["added"], true);
    let added = agent.does("add_document", json!({ "text": "The medlar is picked late." }));
    assert_eq!((&added["added"], &added["left_out"]), (&json!(true), &json!([])));
    let found = agent.does("search_facts", json!({ "query": "medlar" }));
    assert_eq!(found["facts"][0]["document_id"], added["document_id"]);
    assert!(agent.leave().0.success());
    let doctor = home.run(&["doctor"]);
    assert!(doctor.out.contains("the text \"Killer\""), "{}", doctor.out);
}

#[tokio::test]
async fn an_agent_at_the_door_goes_on() {
    let home = Home::with(&PLANNED);
    let mut server = Server::start(&home);
    let call = async |text: &str| {
        let params = json!({ "name": "add_document", "arguments": { "text": text } });
        rpc(&server, None, "tools/call", params).await["result"].take()
    };
    for killer in ["peanut-planned-overflow", "peanut-planned-abort"] {
        let answer = call(killer).await;
        assert_eq!(answer["isError"], true, "{answer}");
        assert!(answer["content"][0]["text"].as_str().is_some_and(|told| told.contains(NAMED)), "{answer}");
    }
    assert_eq!(call("The medlar is picked late.").await["isError"], false);
    server.stop();
}
