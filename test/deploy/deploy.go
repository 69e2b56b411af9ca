// Package deploy tests the files of deploy/ with the tools that read them:
// systemd-analyze and helm. A tool that is not there is a skipped test, which
// says so.
package deploy
