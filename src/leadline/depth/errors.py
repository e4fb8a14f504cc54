"""The one exception a user is meant to read."""


class LeadlineError(Exception):
    """Something the user can mend: the message names the file, the value and the remedy.

    The command line prints it as one line and exits with status 2.
    """
