#!/bin/sh
# Opens a merge request with what is new in the template: the job template of .gitlab-ci.yml runs this. It takes git, copier, make, Go, curl and
# a TEMPLATE_TOKEN, and leaves alone a version that it has proposed before.
set -eu

cd "$(dirname "$0")/../.."
report=$(mktemp)
trap 'rm -f -- "$report"' EXIT

# The token stays out of the list of processes and of the configuration of git.
# shellcheck disable=SC2016 # the shell of the helper reads it
helper='!f() { echo username=template; echo "password=$TEMPLATE_TOKEN"; }; f'

# The template may be private as well, on this server.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="credential.https://$CI_SERVER_HOST.helper" GIT_CONFIG_VALUE_0="$helper"

code=0
sh scripts/template/update.sh update --report "$report" || code=$?
case $code in
0) make sync ;;
3) ;; # conflicts: their markers are committed for whoever takes the branch over
*) exit "$code" ;;
esac

if test -z "$(git status --porcelain)"; then
	exit 0
fi

version=$(sed -n 's/^_commit: *//p' .copier-answers.yml)
branch=template-$version
title="Update from the template, to $version"

as_bot() { git -c credential.helper= -c credential.helper="$helper" "$@"; }

# merge_requests OPTION... asks GitLab about those of this project, or for another.
merge_requests() {
	printf 'header = "PRIVATE-TOKEN: %s"\n' "$TEMPLATE_TOKEN" |
		curl --config - --fail --silent --show-error "$@" "$CI_API_V4_URL/projects/$CI_PROJECT_ID/merge_requests"
}

if as_bot ls-remote --exit-code "$CI_PROJECT_URL.git" "refs/heads/$branch" > /dev/null; then
	# Whoever closed the merge request has decided; a branch without any was pushed by a run that could not open one.
	proposed=$(merge_requests --get --data-urlencode "source_branch=$branch" --data state=all)
	if test "$proposed" != "[]"; then
		echo "$branch was proposed already"
		exit 0
	fi
	# What that run did to the files of its day is in the message of its commit, and others may have committed since.
	as_bot fetch --quiet "$CI_PROJECT_URL.git" "refs/heads/$branch"
	said=$(git log -1 --fixed-strings --grep="$title" --format=%s FETCH_HEAD)
	git log -1 --fixed-strings --grep="$title" --format=%b FETCH_HEAD > "$report"
	title=${said:-$title}
	left=$(git -c core.quotePath=false grep --text --name-only '^<<<<<<< before updating' FETCH_HEAD | sed 's/^FETCH_HEAD:/- /')
	if test -n "$left"; then
		title="${title%: with conflicts}: with conflicts"
		printf '## Conflict markers are in\n\n%s\n' "$left" >> "$report"
	fi
else
	if test "$code" = 3; then
		title="$title: with conflicts"
	fi
	git switch --quiet --create "$branch"
	git add --all
	{ echo "$title" && echo && cat "$report"; } |
		git -c user.name=template -c user.email="template@noreply.$CI_SERVER_HOST" commit --quiet --cleanup=whitespace --file -
	as_bot push --quiet "$CI_PROJECT_URL.git" "$branch"
fi

case $title in
*": with conflicts") title="Draft: $title" ;;
esac
merge_requests --output /dev/null --form "source_branch=$branch" --form "target_branch=$CI_DEFAULT_BRANCH" \
	--form "title=$title" --form "description=<$report"
