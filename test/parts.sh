#!/bin/sh
# Installs what the tests drive besides Go where it may (Debian and its kin, as
# root or with sudo), and says what is missing elsewhere. It never fails: tests
# of a part that is not there skip and say so, or fail with REEVE_REQUIRE_ALL=1.
set -u

# part: the file or command that shows it is there, and Debian's package.
missing=''
need() {
	if [ -x "$1" ] || command -v "$1" >/dev/null 2>&1; then return; fi
	missing="$missing $2"
}
need /usr/bin/aws awscli
/usr/bin/python3 -c 'import boto3' 2>/dev/null || missing="$missing python3-boto3"
/usr/bin/python3 -c 'import jsonschema' 2>/dev/null || missing="$missing python3-jsonschema"
need node nodejs
need npm npm
need curl curl
need ip iproute2
need fusioninventory-inventory fusioninventory-agent
need ocsinventory-agent ocsinventory-agent
need /usr/sbin/pgbouncer pgbouncer
need chromium chromium
need zsh zsh
need fish fish
[ -f /usr/share/bash-completion/bash_completion ] || missing="$missing bash-completion"
if ! command -v initdb >/dev/null 2>&1 && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
	missing="$missing postgresql"
fi
[ -n "$missing" ] || exit 0

as_root=''
if [ "$(id -u)" != 0 ]; then as_root='sudo -n'; fi
if command -v apt-get >/dev/null 2>&1 && $as_root true 2>/dev/null; then
	echo "installing:$missing"
	export DEBIAN_FRONTEND=noninteractive
	for try in 1 2 3; do # mirrors fail at times
		if $as_root apt-get update -qq >/dev/null && $as_root apt-get install -y -qq --no-install-recommends -o Acquire::Retries=5 -o DPkg::Lock::Timeout=600 $missing >/dev/null; then
			exit 0
		fi
		sleep 10
	done
	echo 'apt-get could not install them all.'
fi
echo "missing, so their tests will be skipped (Debian's names):$missing"
