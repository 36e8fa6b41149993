#!/bin/sh
# Opens a merge request with what is new in the template: the job template of .gitlab-ci.yml runs this. It takes git, copier, make, Go, curl and
# a TEMPLATE_TOKEN, and leaves alone a version that it has proposed before.
set -eu

cd "$(dirname "$0")/../.."
report=$(mktemp)
trap 'rm -f -- "$report"' EXIT

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
if test "$code" = 3; then
	title="Draft: $title: with conflicts"
fi

# The token stays out of the list of processes and of the configuration of git.
# shellcheck disable=SC2016 # the shell of the helper reads it
as_bot() { git -c credential.helper= -c credential.helper='!f() { echo username=template; echo "password=$TEMPLATE_TOKEN"; }; f' "$@"; }

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
else
	git switch --quiet --create "$branch"
	git add --all
	git -c user.name=template -c user.email="template@noreply.$CI_SERVER_HOST" commit --quiet --message "Update from the template, to $version"
	as_bot push --quiet "$CI_PROJECT_URL.git" "$branch"
fi

merge_requests --output /dev/null --form "source_branch=$branch" --form "target_branch=$CI_DEFAULT_BRANCH" \
	--form "title=$title" --form "description=<$report"
