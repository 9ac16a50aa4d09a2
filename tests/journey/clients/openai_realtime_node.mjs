// The openai npm SDK on WebSockets, with `ws` and as in a browser: what its callers do, and what they see (protocol: `recording.py`).

import OpenAI from "openai";
import { OpenAIRealtimeWebSocket } from "openai/realtime/websocket";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { WebSocket } from "ws";
import { play } from "./recording.mjs";

globalThis.WebSocket = WebSocket; // which a browser has

function scenarios(baseURL) {
  const client = new OpenAI({ apiKey: "sk-journey-realtime", baseURL, dangerouslyAllowBrowser: true });
  const ways = {
    ws: () => new OpenAIRealtimeWS({ model: "gpt-realtime" }, client),
    browser: () => new OpenAIRealtimeWebSocket({ model: "gpt-realtime", dangerouslyAllowBrowser: true }, client),
  };

  // All events and errors of a session up to its end; `texts` are said one after the other, and then it is closed.
  const session = (way, ...texts) =>
    new Promise((resolve) => {
      const connection = ways[way]();
      const seen = [];
      const next = () => {
        if (!texts.length) return connection.close({ code: 1000, reason: "enough" });
        const content = [{ type: "input_text", text: texts.shift() }];
        connection.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
        connection.send({ type: "response.create" });
      };
      connection.on("event", (event) => {
        seen.push(event);
        if (event.type === "session.created" || event.type === "response.done") next();
      });
      connection.on("error", (error) => seen.push({ error: error.constructor.name, event: error.error ?? null }));
      connection.socket.addEventListener("close", ({ code, reason }) => resolve({ seen, code, reason }));
    });

  return {
    text: () => session("ws", "hello"),
    "three turns": () => session("ws", "one", "two", "¿tres? 漢字 [[script: chunks=9]]"),
    long: () => session("ws", "long ".repeat(40_000) + "[[script: words=4000]]"),
    "as in a browser": () => session("browser", "hello", "again"),
    "closed by the server": () => session("ws", "close [[script: close_code=4321]]"),
    cut: () => session("ws", "cut [[script: fault=close]]"),
  };
}

await play(scenarios);
