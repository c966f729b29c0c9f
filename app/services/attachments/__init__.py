"""附件: files sent with a ticket, kept outside the database and handed out with care."""
