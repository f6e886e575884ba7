"""What a report contains: assembled, tabulated, stored as JSON, and read back.

In: an engagement that was read and resolved (`check.check`), or the JSON or PDF of a report. Out: `Report`, with everything
decided and counted; its JSON; the names of the files of a build.

Must not know: how a report looks (templates, formats), the terminal, the network.
"""
