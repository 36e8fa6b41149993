#!/bin/sh
# Keeps this project and its template together. It runs Copier, which needs no trust, and sees to what Copier leaves open:
# conflicts that Copier exits 0 on, files that it deletes although you edited them, answers that it forgets.
#
#   sh scripts/template/update.sh update [--to VERSION] [--data NAME=VALUE]... [--forget NAME]... [--report FILE]
#   sh scripts/template/update.sh preview    the same in a scratch copy: says what would happen, shows the difference
#   sh scripts/template/update.sh check      is there a newer version?
#   sh scripts/template/update.sh settle     resolve what needs nobody's opinion; `make sync` calls it
#   sh scripts/template/update.sh leave      remove what ties the project to the template
#
# Exit codes: 0 done, or nothing to do; 1 it failed, and the project is as it was, unless it says otherwise; 2 refused before anything was
# touched; 3 done, with conflicts left for you; 4 (check) there is a newer version.
#
# Whose a file is says scripts/template/ownership.txt.
set -eu

ANSWERS=.copier-answers.yml
OWNERSHIP=scripts/template/ownership.txt
FAILED=1 REFUSED=2 CONFLICTS=3 NEWER=4
CR=$(printf '\r')

say() { printf '%s\n' "$*"; }
stop() { code=$1; shift; printf 'update: %s\n' "$@" >&2; exit "$code"; }

# Paths with letters beyond ASCII are printed as they are. Not by `command git`: where that fails, the bash of macOS ends the script, whatever
# stands behind it.
GIT=$(command -v git || say git)
git() { "$GIT" -c core.quotePath=false "$@"; }

# configure NAME VALUE has git, also Copier's, go by a value of this script, whatever the owner's configuration says.
configure() {
	count=${GIT_CONFIG_COUNT:-0}
	export "GIT_CONFIG_KEY_$count=$1" "GIT_CONFIG_VALUE_$count=$2" "GIT_CONFIG_COUNT=$((count + 1))"
}

# kind PATH prints whose a file is. During an update what the owner had committed comes before what the template brings.
kind() {
	while read -r kind pattern || test -n "$kind"; do
		case $kind in '' | '#'*) continue ;; esac
		# shellcheck disable=SC2254 # it is a pattern
		case $1 in $pattern) say "$kind"; return ;; esac
	done < "$OWNERS"
	say managed
}

# names FILE prints the questions that a file of answers answers; entry NAME FILE prints one with its lines.
names() { sed -n 's/^\([a-z][a-z0-9_]*\):.*/\1/p' "$1"; }
entry() { awk -v name="$1" '/^[^ #-]/ { on = (index($0, name ":") == 1) } on' "$2"; }

# answer NAME [FILE] prints what a file of answers says, on one line: older versions broke long ones.
answer() { entry "$1" "${2:-$ANSWERS}" | sed -e '1!{/^ /!d;}' -e "s/^$1://; s/^ *//" | tr '\n' ' ' | sed "s/ \$//; /^['\"]/!s/ #.*//; s/^'\(.*\)'\$/\1/; s/^\"\(.*\)\"\$/\1/"; }

# digest FILE prints what Copier wrote beside the answers, of what they were then, and version FILE of which version. Older ones wrote nothing.
digest() { sed -n 's/^#.* \([0-9a-f]\{64\}\)$/\1/p' "$1"; }
version() { sed -n 's/^#.* edited: \(.*\) [0-9a-f]\{64\}$/\1/p' "$1"; }

# files FOLDER prints the paths of all files in a folder.
files() { (cd "$1" && find . -type f) | sed 's|^\./||'; }

# same ENTRY ENTRY tells whether two entries say the same; formatters change quotes and space.
same() { test "$(say "$1" | tr -d "'\" \n")" = "$(say "$2" | tr -d "'\" \n")"; }

# listed WORD LIST tells whether the list, of one word a line, has the word.
listed() { printf '%s\n' "$2" | grep -qxF -e "$1"; }

unmerged() { git ls-files --unmerged . | cut -f 2 | sort -u; }

# stage NUMBER PATH prints one side of a conflict: 1 what it was, 2 yours, 3 the template's. It fails where that side is missing.
stage() { git show ":$1:./$2" 2>/dev/null; }

# copiers PATH tells whether Copier left the conflict in a file. One of a merge, a rebase or a stash has two people's sides.
copiers() {
	grep -aq '^<<<<<<< before updating' "$1" 2>/dev/null && ! grep -a '^<<<<<<< ' "$1" | grep -aqv '^<<<<<<< before updating'
}

# mark prints where an update says which process it is, and then that it writes: in the .git of the repository, for each project in there.
mark() { git rev-parse --git-path "$(say "$PREFIX" | tr / +)template-update"; }

# Before anything is touched --------------------------------------------------------------------------------------------

# complaint prints what git has against this folder: that it is in no repository, or in somebody else's, which it does not trust.
complaint() { said=$(LC_ALL=C "$GIT" rev-parse --git-dir 2>&1 > /dev/null) || say "$said"; }

check_repository() {
	complaint=$(complaint)
	test -z "$complaint" || stop "$REFUSED" 'an update is merged by git, and git says:' "$complaint"
	git rev-parse --quiet --verify HEAD > /dev/null || stop "$REFUSED" 'this repository has no commit: an update is merged into one'
	format=$(git rev-parse --show-object-format 2> /dev/null || :)
	test "$format" != sha256 || stop "$REFUSED" 'this repository names its objects by SHA-256, and Copier makes those that it compares with by SHA-1'
}

# clean tells whether all of the project is committed.
clean() { changes=$(git status --porcelain -- .) && test -z "$changes"; }

# check_clean refuses where something is not committed: an update that fails takes back all that a commit does not have.
check_clean() {
	clean || stop "$REFUSED" \
		'there are changes that are not committed, which an update would mix with its own: commit them first' "$(git status --short -- . | head -n 10)"
}

# check_tools refuses where what an update needs is not here.
check_tools() {
	check_repository
	command -v copier > /dev/null || stop "$REFUSED" 'there is no copier: install it, such as with: pipx install copier'
	test -f "$ANSWERS" || stop "$REFUSED" "$ANSWERS is missing: an update starts from what it says; get it back with: git log -- $ANSWERS"
}

# check_state refuses where an update would take something for its own: it runs already, or not all is committed.
check_state() {
	mark=$(mark)
	running=$(head -n 1 "$mark" 2>/dev/null || :)
	here=$(pwd | sed "s/'/'\\\\''/g")
	aside="cd '$here' && git reset --quiet -- . && git stash push --include-untracked -- ."
	# In a container the next process often has the number of the one that was killed.
	test "$running" = $$ || ! kill -0 "$running" 2>/dev/null || stop "$REFUSED" "an update is running here, as process $running" \
		'where that is something else, one was interrupted, and this puts aside what it may have left:' "  $aside && rm '$mark'"
	if grep -qs '^From ' "$mark" && ! clean; then
		stop "$REFUSED" 'an update was interrupted, and these changes may be of its making; this puts all of them aside, from where git stash pop brings them back:' \
			"  $aside" "$(git status --short -- .)"
	fi
	if test -n "$(unmerged)"; then
		stop "$REFUSED" 'the conflicts of an earlier merge come first:' "$(unmerged)"
	fi
	check_clean
	hidden=$(git ls-files -v -- . | sed -n 's/^[a-zS] //p' | head -n 10)
	test -z "$hidden" || stop "$REFUSED" 'git is told to look away from these files, so that an update would write over edits that no commit has; have it look:' \
		'  git update-index --no-skip-worktree FILE && git update-index --no-assume-unchanged FILE' "$hidden"
}

# check_source refuses where the answers do not say what the project comes from.
check_source() {
	! grep -q "$CR" "$ANSWERS" || stop "$REFUSED" "$ANSWERS has line ends of Windows, which belong to no answer: have it end lines in LF alone, and commit that"
	SOURCE=$(answer _src_path) OLD=$(answer _commit)
	if test -z "$SOURCE" || test -z "$OLD"; then
		stop "$REFUSED" "$ANSWERS does not say which template (_src_path) in which version (_commit) this is: get it back with: git log -- $ANSWERS"
	fi
	written=$(version "$ANSWERS")
	test "${written:-$OLD}" = "$OLD" ||
		stop "$REFUSED" "$ANSWERS was changed by hand: its _commit was $written, and the files are of that; put it back, commit, and choose with --to VERSION"
	case $SOURCE in
	/* | '~'* | *:*) ;;
	*) stop "$REFUSED" "the template is named by the relative path $SOURCE, which means something else in every folder: put its URL or absolute path" \
		"into $ANSWERS as _src_path, and commit that" ;;
	esac
}

# check_rejects refuses where Copier would take the rejects of somebody's patch for its own: it looks for them in the whole repository,
# and what they belong to it checks out anew. One that is committed it would not know as new, nor the conflict that is in it.
check_rejects() {
	rejects=$({ git ls-files -- '*.rej'; git status --porcelain --ignored | sed -n 's/^[?!][?!] //p' | grep '\.rej"\{0,1\}$'; } || :)
	test -z "$rejects" || stop "$REFUSED" 'these rejects of a patch come first, also where they lie beside the project: apply or delete them' "$rejects"
}

# check_neighbours refuses where files beside the project are in conflict, or missing: Copier would write what the index has and the disk lacks.
check_neighbours() {
	top=$(git rev-parse --show-toplevel)
	conflicts=$(git -C "$top" ls-files --unmerged | cut -f 2 | sort -u)
	test -z "$conflicts" || stop "$REFUSED" 'Copier writes down all that the repository has, which git refuses while a merge is not done:' "$conflicts"
	missing=$({
		git -C "$top" ls-files --deleted
		git -C "$top" ls-files -v | sed -n 's/^[Ss] //p' | while read -r path; do test -e "$top/$path" || say "$path"; done
	} | sort -u | head -n 10)
	test -z "$missing" || stop "$REFUSED" 'an update would bring back these files beside the project, which git has and the disk lacks:' \
		'restore them, or commit that they are gone; after a git sparse-checkout, update in a full clone' "$missing"
}

# links prints the symbolic links and submodules that are committed.
links() { git ls-files --stage -- . | grep -E '^1[26]0000 ' | cut -f 2; }

# hidden prints what git ignores of the project, a folder in one line: in those of a database or a cache files come and go.
hidden() { git ls-files --others --ignored --exclude-standard --directory -- . | sort; }

# own prints what the owner has and the old version has not, or has as a file where this is a folder: files, and the folders of files.
own() {
	git ls-files -- . | awk -F / '{ path = $1; print path; for (i = 2; i <= NF; i++) print (path = path "/" $i) }' | sort -u | while read -r path; do
		if test -d "$path"; then test -d "$SCRATCH/old/$path"; else test -f "$SCRATCH/old/$path"; fi || say "$path"
	done
}

# ignored prints what git ignores, the links, and what is the owner's own, as patterns that have Copier render what would come there.
ignored() {
	{ hidden; links; own; } | sed 's/[][*?\\{]/?/g; s|^|!/|' > "$SCRATCH/ignored"
	if test "$(wc -c < "$SCRATCH/ignored")" -gt 100000; then say '!*'; else cat "$SCRATCH/ignored"; fi # more is no argument
}

# check_links refuses where Copier would write through a link of the owner's, or into a submodule: in the place of a folder; and where it
# cannot write at all, for a file is in the place of a folder, or a folder in that of a file. A link in the place of a file stays.
check_links() {
	through=$(links | while read -r path; do test ! -d "$SCRATCH/old/$path" && test ! -d "$SCRATCH/new/$path" || say "$path"; done)
	test -z "$through" || stop "$REFUSED" 'these are symbolic links or submodules where the template has folders, which an update would write into:' \
		'make each a folder again, or delete it and commit that, then its files stay away' "$through"
	taken=$(own | while read -r path; do
		test ! -L "$path" && test -e "$SCRATCH/new/$path" || continue
		if test -d "$path"; then test -d "$SCRATCH/new/$path"; else test -f "$SCRATCH/new/$path"; fi || say "$path"
	done)
	test -z "$taken" || stop "$REFUSED" 'these are folders where the template has files, or files where it has folders: give yours another name, and commit that' "$taken"
}

# check_ignored refuses where Copier would write over, or delete, a file that git does not have and could not give back.
check_ignored() {
	git ls-files -- . > "$SCRATCH/tracked"
	lost=$(for copy in old new; do files "$SCRATCH/$copy"; done | sort -u | grep -vxF -f "$SCRATCH/tracked" |
		while read -r path; do
			test -e "$path" && test "$(kind "$path")" != generated || continue
			say "$path"
		done)
	test -z "$lost" || stop "$REFUSED" 'the template has these files, too, which git ignores and could not give back: move yours away, or git add --force and commit them' "$lost"
}

# check_owners refuses lines of the owner's that would not be heeded: such as are no rule, and those for what Copier knows by itself to be
# generated, of which it keeps no edits.
check_owners() {
	! cmp -s "$OWNERSHIP" "$SCRATCH/old/$OWNERSHIP" || return 0
	unheeded=$(grep -vxE "[[:blank:]]*(#.*|(managed|seed|lock|generated)[[:blank:]]+[^$CR]+)?" "$OWNERSHIP" 2>/dev/null || :)
	test -z "$unheeded" || stop "$REFUSED" "$OWNERSHIP has lines that are no kind and a pattern, or have the line end of Windows, and would not be heeded:" "$unheeded"
	unheeded=$(files "$SCRATCH/old" | while read -r path; do
		test "$(OWNERS=$SCRATCH/old/$OWNERSHIP && kind "$path")" = generated || continue
		kind "$path" | grep -qx -e managed -e lock || continue
		say "$path"
	done)
	test -z "$unheeded" || stop "$REFUSED" 'these are generated, which only "seed" may stand over:' \
		"change or delete the lines that you added to $OWNERSHIP" "$unheeded"
}

# check_encodings refuses edits that Copier would take letters out of, for it reads all differences as UTF-8.
check_encodings() {
	command -v iconv > /dev/null || return 0
	foreign=$(files "$SCRATCH/old" | while read -r path; do
		test -f "$path" && ! cmp -s "$path" "$SCRATCH/old/$path" && test "$(kind "$path")" = managed || continue
		git show "HEAD:./$path" | iconv -f UTF-8 -t UTF-8 > /dev/null 2>&1 || say "$path"
	done)
	test -z "$foreign" || stop "$REFUSED" 'Copier merges text in UTF-8, which these files that you edited are not: convert and commit them, or' \
		"make each your own by a line such as \"seed PATH\" at the top of $OWNERSHIP" "$foreign"
}

# render FOLDER VERSION FORGET [OPTION]... makes a fresh copy with the answers of the project, but for those to forget.
render() {
	folder=$1 version=$2 forgotten=$3
	shift 3
	for name in $(names "$ANSWERS"); do
		listed "$name" "$forgotten" || entry "$name" "$ANSWERS"
	done > "$SCRATCH/answers.yml"
	copier copy --quiet --defaults --data-file "$SCRATCH/answers.yml" ${version:+--vcs-ref "$version"} "$@" "$SOURCE" "$folder" > "$SCRATCH/log" 2>&1
}

# reason prints why Copier failed, which it says last.
reason() { grep -v -e '^ ' -e '^Traceback' "$SCRATCH/log" | grep . | tail -n 2 | sed 's/^[A-Za-z.]*Error: //'; }

# check_answers FORGET SET compares the answers of the project with what both versions make of them: Copier takes the default, without
# a word, for an answer that it cannot use and for a question that has another name.
check_answers() {
	lost=''
	for name in $(names "$ANSWERS"); do
		if ! names "$SCRATCH/old/$ANSWERS" | grep -qx "$name"; then
			lost="$lost
$ANSWERS answers $name, which is no question of $OLD"
		elif ! same "$(entry "$name" "$ANSWERS")" "$(entry "$name" "$SCRATCH/old/$ANSWERS")"; then
			lost="$lost
$ANSWERS was changed by hand: of '$(entry "$name" "$ANSWERS")' $OLD makes '$(entry "$name" "$SCRATCH/old/$ANSWERS")'"
		elif ! listed "$name" "$2" && ! listed "$name" "$1"; then
			if ! names "$SCRATCH/new/$ANSWERS" | grep -qx "$name"; then
				lost="$lost
$NEW asks no question $name any more: see its changelog, answer what took its place with --data, and add --forget $name"
			elif ! same "$(entry "$name" "$ANSWERS")" "$(entry "$name" "$SCRATCH/new/$ANSWERS")"; then
				lost="$lost
$NEW cannot have '$(entry "$name" "$ANSWERS")': choose with --data $name=..., or accept '$(entry "$name" "$SCRATCH/new/$ANSWERS")' with --forget $name"
			fi
		fi
	done
	strange=$(sed -n '/^[^ #-][^:]*:/s/:.*//p' "$ANSWERS" | grep -vx -e '[a-z][a-z0-9_]*' -e _commit -e _src_path |
		sed "s|.*|$ANSWERS answers &, which is no question of $OLD|")
	test -z "$strange" || lost="$lost
$strange"
	# A choice that the version knows looks like any other: what belongs to the former one would count as the owner's from here on.
	if test -z "$lost" && test -n "$(digest "$ANSWERS")" && test "$(digest "$ANSWERS")" != "$(digest "$SCRATCH/old/$ANSWERS")"; then
		lost="
$ANSWERS was changed by hand, and the files were not: see git log -p -- $ANSWERS, put it back, commit, and give the answer with --data NAME=VALUE"
	fi
	for name in $1; do
		names "$ANSWERS" | grep -qx -e "$name" || lost="$lost
$ANSWERS has no answer $name to forget; the answers are: $(names "$ANSWERS" | tr '\n' ' ')"
	done
	for name in $2; do
		if ! names "$SCRATCH/new/$ANSWERS" | grep -qx "$name"; then
			lost="$lost
$NEW asks no question $name; the questions are: $(names "$SCRATCH/new/$ANSWERS" | tr '\n' ' ')"
		fi
	done
	if test -n "$lost"; then
		stop "$REFUSED" "${lost#?}"
	fi
}

# The update ------------------------------------------------------------------------------------------------------------

# restore makes the project what it was. It was clean, so that everything else comes from the update.
restore() {
	git reset --quiet -- . || :
	git checkout --quiet HEAD -- . || :
	git clean --quiet --force -d -- .
	clean || return 0 # what is ignored may be something else then
	hidden | comm -13 "$SCRATCH/hidden" - | while IFS= read -r path; do rm -rf -- "$path"; done
}

# resolve takes the side of each conflict of Copier's that needs nobody's opinion, and prints which.
resolve() {
	unmerged | while read -r path; do
		copiers "$path" || continue
		case $(kind "$path") in
		lock)
			stage 1 "$path" > "$SCRATCH/1" || : # both may have added it
			stage 2 "$path" > "$SCRATCH/2" || continue
			stage 3 "$path" > "$SCRATCH/3" || continue
			git merge-file --quiet --union "$SCRATCH/2" "$SCRATCH/1" "$SCRATCH/3" || :
			case $path in
			*.sum) sort_sums < "$SCRATCH/2" > "$path" ;;
			*.mod) newest_lines < "$SCRATCH/2" > "$path" ;;
			*) cat "$SCRATCH/2" > "$path" ;;
			esac
			say "$path: has the lines of both sides" ;;
		generated)
			stage 3 "$path" > "$SCRATCH/3" || continue
			cat "$SCRATCH/3" > "$path"
			say "$path: is the template's, until it is generated" ;;
		seed)
			stage 2 "$path" > "$SCRATCH/2" || continue
			cat "$SCRATCH/2" > "$path"
			say "$path: is yours, as it was" ;;
		*) continue ;;
		esac
		git add -- "$path"
		git reset --quiet -- "$path" > /dev/null # it is no conflict any more, and not staged either; others still are, which git says
	done
}

# add_sums BEFORE adds the lines of the committed go.sum that BEFORE lacks, so that the modules of the owner stay verified.
add_sums() {
	test -f go.sum && git show HEAD:./go.sum > "$SCRATCH/sums" 2>/dev/null || return 0
	grep -vxF -f "$1" "$SCRATCH/sums" > "$SCRATCH/mine" || return 0
	grep -vxF -f go.sum "$SCRATCH/mine" > "$SCRATCH/sums" || return 0
	cat go.sum >> "$SCRATCH/sums"
	sort_sums < "$SCRATCH/sums" > go.sum
}

# ORDER is for awk: order(VERSION) is a text, and those are in the order of bytes when the versions are in that of SemVer.
ORDER='
	function pad(number) { return substr("00000000000000000000", length(number) + 1) number }
	function order(version, release, numbers, before, count, parts, i) {
		version = substr(version, 2)
		sub(/\+.*/, "", version)
		release = version
		sub(/-.*/, "", release)
		split(release, numbers, ".")
		before = release == version ? "~" : "" # a release comes after all that leads to it
		count = release == version ? 0 : split(substr(version, length(release) + 2), parts, ".")
		for (i = 1; i <= count; i++) before = before "!" (parts[i] ~ /^[0-9]+$/ ? "0" pad(parts[i]) : "1" parts[i])
		return pad(numbers[1]) "\t" pad(numbers[2]) "\t" pad(numbers[3]) "\t" before
	}'

# sort_sums puts the lines of a go.sum in the order of Go: by path, then by version. go mod tidy leaves an order alone when it changes
# nothing else, and go mod tidy -diff then complains.
sort_sums() {
	awk "$ORDER"'
		{
			split($2 "/", half, "/")
			print $1 "\t" order(half[1]) "\t" half[2] "\t" $0
		}' | LC_ALL=C sort -u | cut -f 7
}

# newest_lines keeps the newest of the lines that a go.mod may have once: go, toolchain, and what is required of a module, of which Go
# takes two in go.mod alone. In the order of Go 1.27 comes before 1.27rc1, and that before 1.27.0.
newest_lines() {
	LC_ALL=C awk "$ORDER"'
		function rank(version) {
			sub(/^go/, "", version)
			stage = version ~ /^[0-9]+\.[0-9]+\./ ? 3 : version ~ /rc/ ? 2 : version ~ /beta/ ? 1 : 0
			split(version, numbers, /[^0-9]+/)
			return sprintf("%09d.%09d.%d.%09d", numbers[1], numbers[2], stage, numbers[3])
		}
		{ line[NR] = $0; name = "" }
		/^[a-z]+ \(/ { block = $1 }
		/^\)/ { block = "" }
		($1 == "go" || $1 == "toolchain") && $2 !~ /^\(/ { name = $1; value = rank($2) }
		block == "require" && $2 ~ /^v/ { name = $1; value = order($2) }
		$1 == "require" && $3 ~ /^v/ { name = $2; value = order($3) }
		name != "" {
			one[NR] = name
			if (!(name in newest) || value > best[name]) { newest[name] = NR; best[name] = value }
		}
		END { for (number = 1; number <= NR; number++) if (!(number in one) || newest[one[number]] == number) print line[number] }'
}

# keep_seeds gives back the seeds that were edited before.
keep_seeds() {
	files "$SCRATCH/old" | while read -r path; do
		test "$(kind "$path")" = seed || continue
		git show "HEAD:./$path" > "$SCRATCH/mine" 2>/dev/null || continue
		if ! cmp -s "$SCRATCH/mine" "$SCRATCH/old/$path" && ! git diff --quiet HEAD -- "$path"; then
			git checkout --quiet HEAD -- "$path"
			note "$path is yours, and stays as it is; the template changed its own"
		fi
	done
}

# blob FILE stores a file as it is, and prints its digest.
blob() { git hash-object -w --no-filters -- "$1"; }

# conflict PATH puts a file in conflict, with the sides that it reads: a mode, a digest and a stage on each line.
conflict() {
	{ printf '0 %040d\n' 0; cat; } | while read -r side; do printf '%s\t%s\n' "$side" "$PREFIX$1"; done | git update-index --index-info
}

# keep_own gives back the owner's own files where the template brings one of the same path. Copier tells by their lines that both have it, and
# git shows none of a file that it takes for binary.
keep_own() {
	git diff --relative --raw --no-abbrev --diff-filter=M HEAD -- . | while read -r mine new digest _ _ path; do
		test ! -e "$SCRATCH/old/$path" && test -z "$(git ls-files --unmerged -- "$path")" && test "$(kind "$path")" != generated || continue
		theirs=$(blob "$path")
		git checkout --quiet HEAD -- "$path"
		if test "$(kind "$path")" = seed; then
			note "$path is yours, and stays as it is; the template has one, too"
			continue
		fi
		printf '%s %s 2\n%s %s 3\n' "${mine#:}" "$digest" "$new" "$theirs" | conflict "$path"
		note "$path: you added it, and so does the template; see theirs with git show :3:./$path, then git add it"
	done
}

# folder_deleted PATH tells whether a file would come into a folder that the template had and the owner has no more, however deep.
folder_deleted() {
	folder=$(dirname "$1")
	while test "$folder" != .; do
		if test -d "$SCRATCH/old/$folder" && test -z "$(git ls-tree --name-only HEAD "./$folder/")"; then return 0; fi
		folder=$(dirname "$folder")
	done
	return 1
}

# keep_deleted removes what came although the owner had deleted it: the file itself, or all that its folder had.
keep_deleted() {
	git ls-files --others --exclude-standard . | while read -r path; do
		if test -f "$SCRATCH/old/$path"; then
			rm -- "$path"
		elif folder_deleted "$path"; then
			rm -- "$path"
			note "$path is new in the template, and left out: you deleted its folder"
		else
			continue
		fi
		rmdir -p -- "$(dirname "$path")" 2>/dev/null || :
	done
}

# tell_hidden names what came although git ignores it, so that no commit would have it.
tell_hidden() {
	hidden | comm -13 "$SCRATCH/hidden" - | while read -r path; do
		note "$path is new in the template, and hidden by what you have git ignore: git add --force it, or delete it"
	done
}

# keep_edited gives back what the template dropped although the owner had edited it: as the conflict that it is.
keep_edited() {
	git diff --relative --name-only --diff-filter=D HEAD -- . | while read -r path; do
		git show "HEAD:./$path" > "$SCRATCH/mine"
		# A mode is an edit where it was made executable: where git keeps none, nothing is.
		if cmp -s "$SCRATCH/mine" "$SCRATCH/old/$path"; then
			case $(git ls-tree HEAD "./$path") in 100755*) ;; *) continue ;; esac
			test -z "$(find "$SCRATCH/old/$path" -perm -100)" || continue
		fi
		if test "$(kind "$path")" = generated; then
			note "$path is generated, and gone with what the template dropped; yours was another, which git show HEAD:./$path has"
			continue
		fi
		git checkout --quiet HEAD -- "$path"
		if test "$(kind "$path")" = seed; then
			note "$path is yours, and stays; the template has it no more"
			continue
		fi
		git ls-files --stage -- "$path" | {
			read -r mode digest _
			test ! -f "$SCRATCH/old/$path" || printf '%s %s 1\n' "$mode" "$(blob "$SCRATCH/old/$path")"
			printf '%s %s 2\n' "$mode" "$digest"
		} | conflict "$path"
		note "$path: you edited it, the template has it no more; git rm it, or git add it to keep it"
	done
}

# news FROM TO prints what the changelog of the template says of the versions after FROM, up to TO. It is asked for where the template is;
# an update does without where there is none.
news() {
	test "$1" != "$2" || return 0
	case $SOURCE in
	gh:*) url=https://github.com/${SOURCE#gh:} ;;
	gl:*) url=https://gitlab.com/${SOURCE#gl:} ;;
	*) url=${SOURCE#git+} ;;
	esac
	git clone --quiet --depth 1 --filter=blob:none --no-checkout --branch "$2" -- "$url" "$SCRATCH/template" 2> /dev/null || return 0
	git -C "$SCRATCH/template" show HEAD:CHANGELOG.md 2> /dev/null | awk -v from="${1#v}" '
		/^## / { if ($2 == from) { found = 1; exit } on = ($2 ~ /^[0-9]/) }
		on { text = text $0 "\n" }
		END { if (found) printf "%s", text }'
}

note() { say "$*" >> "$SCRATCH/notes"; }

# tell FROM TO prints what happened, and what to do; it returns whether conflicts are left.
tell() {
	left=$(unmerged)
	changed=$(($(git status --porcelain -- . | wc -l)))
	{
		say "# From $1 to $2"
		say
		for name in $(names "$ANSWERS"); do
			before=$(git show "HEAD:./$ANSWERS" > "$SCRATCH/mine" && entry "$name" "$SCRATCH/mine")
			same "$before" "$(entry "$name" "$ANSWERS")" || say "- answer: $(entry "$name" "$ANSWERS" | tr -s ' \n' ' ')(before: $(say "${before:-not asked}" | tr -s ' \n' ' '))"
		done
		say "- $changed files changed"
		sed 's/^/- /' "$SCRATCH/notes"
		say
		cat "$SCRATCH/news"
		if test -n "$left"; then
			say '## Conflicts, to be resolved by you'
			say
			say "$left" | sed 's/^/- /'
			say
		fi
		if test "$changed" = 0; then
			say 'Nothing is new.'
		elif test -n "$left"; then
			say "Next: resolve the conflicts and git add the files, then make sync, make test, and commit."
		else
			say "Next: make sync, make test, and commit."
		fi
	} > "$SCRATCH/report"
	cat "$SCRATCH/report"
	test -z "$REPORT" || cat "$SCRATCH/report" > "$REPORT"
	test -n "$left"
}

update() {
	to='' data='' forget='' REPORT=''
	: > "$SCRATCH/notes"
	for argument; do # kept as arguments of Copier: --data NAME=VALUE may hold spaces
		shift
		case ${option-} in
		--to) to=$argument ;;
		--report) REPORT=$argument ;;
		--forget) forget="$forget$argument
" ;;
		--data)
			case $argument in
			[a-z]*=*) set -- "$@" --data "$argument" ;;
			*) stop "$REFUSED" "--data takes NAME=VALUE, not $argument" ;;
			esac
			data="$data${argument%%=*}
" ;;
		*)
			case $argument in
			--to | --report | --forget | --data) option=$argument; continue ;;
			*) stop "$REFUSED" "there is no option $argument; see the head of scripts/template/update.sh" ;;
			esac ;;
		esac
		option=
	done
	test -z "${option-}" || stop "$REFUSED" "$option takes a value"
	if test -n "$REPORT"; then
		case $REPORT in /*) ;; *) REPORT=$CALLER/$REPORT ;; esac
		place=$REPORT
		test -e "$place" || place=$(dirname "$place")
		test ! -d "$REPORT" && test -w "$place" || stop "$REFUSED" "no report can be written to $REPORT"
	fi

	check_tools
	check_state
	check_source
	# All that an interrupted one left is taken back, or committed. Another may have begun meanwhile.
	test "$(head -n 1 "$mark" 2>/dev/null)" != "$running" || rm -f -- "$mark"
	(set -C && say "$$" > "$mark") 2>/dev/null || stop "$REFUSED" "an update has just begun here; where it has not, see whether you can write $mark"
	MARK=$mark
	check_rejects
	check_neighbours
	# Other answers alone change nothing else: the version stays.
	test -n "$to" || test -z "$data" || to=$OLD
	render "$SCRATCH/old" "$OLD" '' || stop "$FAILED" "Copier cannot make $OLD of $SOURCE, which this project comes from:" "$(reason)"
	render "$SCRATCH/new" "$to" "$forget" --exclude '*' --exclude "!$ANSWERS" --exclude "!$OWNERSHIP" --exclude "$(ignored)" "$@" || stop "$REFUSED" \
		"Copier cannot make ${to:-the newest version} of $SOURCE with these answers; choose others with --data NAME=VALUE, or --forget NAME:" "$(reason)"
	NEW=$(answer _commit "$SCRATCH/new/$ANSWERS")
	check_answers "$forget" "$data"

	{ cat "$OWNERSHIP"; say; cat "$SCRATCH/new/$OWNERSHIP"; } > "$SCRATCH/owners" 2>/dev/null || :
	OWNERS=$SCRATCH/owners
	check_owners
	check_links
	check_ignored
	check_encodings
	news "$OLD" "$NEW" > "$SCRATCH/news"
	hidden > "$SCRATCH/hidden"
	check_clean # all this took a while
	UNFINISHED=yes
	say "From $OLD to $NEW" >> "$MARK"
	# What the owner ignores everywhere is none the less a file of the template: the copies that Copier compares have all of them. In the
	# project itself it stays ignored, for it is no change.
	mkdir -p "$SCRATCH/init/info"
	say '!*' > "$SCRATCH/init/info/exclude"
	# An edit is one, too, where git is told to show none, or takes a file for binary; Copier's difference has all files of the repository.
	files "$SCRATCH/old" | while read -r path; do say "/$PREFIX$path"; done | sed 's/[][*?\\" ]/?/g; s/$/ diff/' > "$SCRATCH/init/info/attributes"
	# With all lines as the context, an edit fits where it was made alone: a file that both sides changed is merged as a whole.
	GIT_TEMPLATE_DIR=$SCRATCH/init copier update --quiet --defaults --conflict inline --context-lines 1000000 \
		--vcs-ref "$NEW" "$@" > "$SCRATCH/log" 2>&1 || {
		grep -q 'repository is dirty' "$SCRATCH/log" || exit "$FAILED"
		UNFINISHED='' # Copier says that before it writes, and what is there is the owner's
		stop "$REFUSED" "$(reason)"
	}
	keep_seeds
	keep_own
	resolve > /dev/null # the report says what is left
	add_sums "$SCRATCH/old/go.sum"
	keep_deleted
	keep_edited
	tell_hidden
	trap '' INT TERM HUP # done is done
	UNFINISHED=''
	! tell "$OLD" "$NEW" || exit "$CONFLICTS"
}

# finish takes back an update that did not come to its end, and cleans up.
finish() {
	code=$?
	trap '' INT TERM HUP # a second Ctrl-C must not stop halfway what takes back the half
	if test -n "$UNFINISHED"; then
		code=$FAILED
		restore || :
		if clean; then
			printf 'update: %s\n' 'it failed, and the project is as it was:' "$(reason)" >&2
		else
			printf 'update: %s\n' 'it failed, and git could not take it back; run this again to see how:' "$(reason)" >&2
			MARK=''
		fi
	fi
	test -z "$MARK" || rm -f -- "$MARK"
	rm -rf -- "$SCRATCH"
	exit "$code"
}

# The rest --------------------------------------------------------------------------------------------------------------

preview() {
	check_repository
	git clone --quiet "$(git rev-parse --show-toplevel)" "$SCRATCH/preview" || stop "$FAILED" 'git cannot clone this repository, of which an update shows what it would do'
	code=0
	(cd "$CALLER" && sh "$SCRATCH/preview/${PREFIX}scripts/template/update.sh" update "$@") || code=$?
	case $code in 0 | "$CONFLICTS") ;; *) exit "$code" ;; esac
	cd "$SCRATCH/preview/$PREFIX"
	git add --all --force .
	git --no-pager diff --cached --stat HEAD -- .
	git --no-pager diff --cached HEAD -- .
	exit "$code"
}

check() {
	check_tools
	check_source
	code=0
	copier check-update --quiet > "$SCRATCH/log" 2>&1 || code=$?
	case $code in
	0) say "$OLD is the newest version" ;;
	2) say "there is a newer version than $OLD: make update"; exit "$NEWER" ;;
	*) stop "$FAILED" "Copier cannot tell:" "$(reason)" ;;
	esac
}

settle() {
	complaint=$(complaint)
	case $complaint in
	'') ;;
	*'not a git repository'*) return 0 ;;
	*) printf 'update: %s\n' 'nothing is settled, for git says:' "$complaint" >&2; return 0 ;;
	esac
	git rev-parse --quiet --verify HEAD > /dev/null || return 0
	resolve
	if test -n "$(unmerged)"; then
		stop "$CONFLICTS" 'resolve these and git add them, then run make sync again:' "$(unmerged)"
	fi
	say - > "$SCRATCH/nothing" # no line of a go.sum: the grep of BSD, asked for no pattern at all, prints nothing
	add_sums "$SCRATCH/nothing"
}

leave() {
	sed -n '/^[^#]/p' scripts/template/leave.txt 2>/dev/null | while read -r path; do rm -f -- "$path"; done
	test -f "$ANSWERS" || say "$ANSWERS is missing already."
	rm -rf -- scripts/template "$ANSWERS"
	rmdir scripts 2>/dev/null || :
	say 'Left the template. Commit that.'
	if named=$(grep -rIl --exclude-dir=.git -e scripts/template -e 'make update' -e "$ANSWERS" .); then
		say 'These still name it. A Makefile does well without the file that it includes; see whether you need the rest:'
		say "$named"
	fi
}

main() {
	# An alias and a rebase in a linked worktree name the repository of the owner, in which Copier's own git would then commit.
	unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_COMMON_DIR GIT_PREFIX GIT_NAMESPACE
	CALLER=$(pwd)
	cd "$(dirname "$0")/../.."
	export GIT_TERMINAL_PROMPT=0 # nobody is there to type a password
	export LC_ALL=C              # a Turkish i is not in a-z
	configure status.showUntrackedFiles normal # untracked files are work of the owner's, or the rejects that Copier merges
	configure apply.whitespace nowarn          # an edit that ends in a space is one, too
	configure core.hooksPath /dev/null         # a hook that fails, or edits, would leave an update half done
	configure core.quotePath true              # Copier reads names as git prints them by default
	configure core.autocrlf input              # Copier would write a version with the line ends that git checks it out with
	PREFIX=$(git rev-parse --show-prefix 2>/dev/null || :)
	SCRATCH=$(mktemp -d) OWNERS=$OWNERSHIP MARK='' UNFINISHED=''
	trap finish EXIT
	trap 'exit "$FAILED"' INT TERM HUP
	if test $# -eq 0; then set -- help; fi
	command=$1
	shift
	case $command in
	update) update "$@" ;;
	preview) preview "$@" ;;
	check) check ;;
	settle) settle ;;
	leave) leave ;;
	*)
		sed -n '2,/^set /s/^# \{0,1\}//p' scripts/template/update.sh
		exit "$REFUSED" ;;
	esac
}

# On one line, which the shell reads as a whole: an update may change this file.
main "$@"; exit
