#!/bin/sh
# Opens a pull request with what is new in the template: .github/workflows/template.yml runs this. It takes git, copier, make, Go and gh with
# a GH_TOKEN, and leaves alone a version that it has proposed before.
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

gh auth setup-git
if git ls-remote --exit-code origin "refs/heads/$branch" > /dev/null; then
	# Whoever closed the pull request has decided; a branch without any was pushed by a run that could not open one.
	proposed=$(gh pr list --head "$branch" --state all --json number --jq length)
	if test "$proposed" != 0; then
		echo "$branch was proposed already"
		exit 0
	fi
else
	git switch --quiet --create "$branch"
	git add --all
	git -c user.name="$(gh api user --jq .login 2> /dev/null || echo template)" -c user.email=template@users.noreply.github.com \
		commit --quiet --message "Update from the template, to $version"
	git push --quiet origin "$branch"
fi

if test "$code" = 3; then
	gh pr create --head "$branch" --title "Update from the template, to $version: with conflicts" --body-file "$report" --draft
else
	gh pr create --head "$branch" --title "Update from the template, to $version" --body-file "$report"
fi
