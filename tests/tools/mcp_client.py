#!/usr/bin/env python3
"""Peanut before the official MCP client for Python (`pip install mcp`, 2.x): lists tools, adds a document, finds it, reads it back.

    mcp_client.py stdio PROGRAM ARGUMENT...     starts the server: mcp_client.py stdio peanut --data-dir /tmp/p mcp
    mcp_client.py http URL [KEY]                asks a running one: mcp_client.py http http://127.0.0.1:8000/mcp "$KEY"

Runs once with the protocol's present revision and once with the handshake of the older ones. Prints a transcript; ends with
1 when an answer is not what it should be. The client holds every answer to the tool's own output schema.
"""

import asyncio
import os
import sys

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

TEXT = "The walnut at the northern fence bears every second year. Harvest begins in late September."
TOOLS = ["search_facts", "get_document", "thread", "search_nodes", "add_document"]


def expect(condition, what):
    if not condition:
        sys.exit(f"FAILED: {what}")


def tell(step, answer):
    text = str(answer).strip().replace("\n", "\n    ")
    print(f"  {step}\n    {text}")


def text_of(result):
    return "\n".join(block.text for block in result.content)


async def visit(client, mode):
    info = client.server_info
    print(f"{mode}: {info.name} {info.version}, protocol {client.protocol_version}")
    tools = (await client.list_tools()).tools
    tell("tools/list", ", ".join(tool.name for tool in tools))
    expect(sorted(tool.name for tool in tools) == sorted(TOOLS), "the tools")
    expect(all(tool.annotations.destructive_hint is False for tool in tools), "nothing destroys")

    title = f"Walnut diary ({mode})"
    added = await client.call_tool("add_document", {"title": title, "text": TEXT, "tags": ["garden"]})
    tell("add_document", text_of(added))
    expect(not added.is_error, "adding")
    document = added.structured_content["document_id"]
    again = await client.call_tool("add_document", {"title": title, "text": TEXT, "tags": ["garden"]})
    expect(again.structured_content == {**added.structured_content, "added": False}, "adding twice changes nothing")

    facts = await client.call_tool("search_facts", {"query": "when is the walnut harvest?", "limit": 3})
    tell("search_facts", text_of(facts))
    found = {fact["document_id"]: fact for fact in facts.structured_content["facts"]}
    expect(document in found and "September" in found[document]["text"], "finding it")

    read = await client.call_tool("get_document", {"document_id": document})
    tell("get_document", text_of(read))
    expect(read.structured_content["text"] == TEXT and "next_offset" not in read.structured_content, "reading it back")

    refused = await client.call_tool("thread", {"document_id": document})
    tell("thread (of a note)", text_of(refused))
    expect(refused.is_error and "get_document" in text_of(refused), "an error that says what to do")

    nodes = await client.call_tool("search_nodes", {"name": "walnut", "kinds": ["document"]})
    tell("search_nodes", text_of(nodes))
    expect(not nodes.is_error, "searching nodes")

    resources = await client.list_resources()
    address = f"peanut://document/{document}"
    tell("resources/list", "\n".join(f"{resource.uri}  {resource.name}" for resource in resources.resources))
    expect(address in [str(resource.uri) for resource in resources.resources], "the document among the resources")
    contents = (await client.read_resource(address)).contents
    expect(contents[0].text == TEXT, "the document as a resource")
    templates = (await client.list_resource_templates()).resource_templates
    tell("resources/templates/list", templates[0].uri_template)


async def main(arguments):
    match arguments:
        case ["stdio", program, *rest]:
            for mode in ["auto", "legacy"]:
                server = StdioServerParameters(command=program, args=rest, env=dict(os.environ))
                async with Client(server, mode=mode) as client:
                    await visit(client, mode)
        case ["http", url, *key]:
            headers = {"Authorization": f"Bearer {key[0]}"} if key else {}
            for mode in ["auto", "legacy"]:
                async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
                    async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
                        await visit(client, mode)
        case _:
            sys.exit(__doc__)
    print("everything as it should be")


asyncio.run(main(sys.argv[1:]))
