"""The review pages: server-rendered, one file a page, and one line here."""
