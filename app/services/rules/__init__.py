"""Pure decisions: facts and the terms of one edition in, a decision with its reasons out.

Nothing here reads a clock, a file, the environment, a database or a log. Which module decides by which chapter:

    calendar, timeline, holidays   working calendar, Chinese holidays and make-up workdays    `[calendar]`
    sla, commitments               targets, deadlines, pauses                                 `[sla]`
    thresholds, explanation        warnings and escalation; why a deadline is what it is      `[sla]`
    notices, notice_wording        who is told of a deadline, and in which words              `[[escalations]]` …
    tickets                        life cycle: moves, and the milestones they meet            —
    routing                        department, helpers, handler role, owner, duty holder      `[routing]`
    materials                      what the customer has to bring                             `[[materials]]`
    classification*, lexicon*      what a text is about, how grave it is                      app/policies/lexicon/
    promise                        the definite answer a caller gets                          —
    policy*                        the shape of an edition, and the check of a draft          all

From a clause in hand to the rule, the data key and the function: `docs/clauses.md`.
"""
