"""纠正和预防措施: opening, working through, checking and showing corrective and preventive action."""
