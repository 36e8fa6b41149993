#!/bin/sh
# Opens a pull request with what is new in the template: .github/workflows/template.yml runs this. It takes git, copier, make, Go and gh with
# a GH_TOKEN, and leaves alone a version that it has proposed before.
set -eu

cd "$(dirname "$0")/../.."
report=$(mktemp)
trap 'rm -f -- "$report"' EXIT

gh auth setup-git # the template may be private as well

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

if git ls-remote --exit-code origin "refs/heads/$branch" > /dev/null; then
	# Whoever closed the pull request has decided; a branch without any was pushed by a run that could not open one.
	proposed=$(gh pr list --head "$branch" --state all --json number --jq length)
	if test "$proposed" != 0; then
		echo "$branch was proposed already"
		exit 0
	fi
	# What that run did to the files of its day is in the message of its commit, and others may have committed since.
	git fetch --quiet origin "refs/heads/$branch"
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
	# On an error gh prints what the server says in place of a name.
	name=$(gh api user --jq .login 2> /dev/null) || name=template
	git switch --quiet --create "$branch"
	git add --all
	{ echo "$title" && echo && cat "$report"; } |
		git -c user.name="$name" -c user.email=template@users.noreply.github.com commit --quiet --cleanup=whitespace --file -
	git push --quiet origin "$branch"
fi

case $title in
*": with conflicts") gh pr create --head "$branch" --title "$title" --body-file "$report" --draft ;;
*) gh pr create --head "$branch" --title "$title" --body-file "$report" ;;
esac
