// Tests of the shell as a program come with the shell.
