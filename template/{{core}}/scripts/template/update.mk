# What keeps this project and its template together. `sh scripts/template/update.sh leave` takes it away.
TEMPLATE := sh scripts/template/update.sh

.PHONY: update
update: ## Take what is new in the template: make update [TO=v1.2.0], or other answers: make update SET="NAME=VALUE"
	@$(TEMPLATE) update $(if $(TO),--to "$(TO)") $(foreach answer,$(SET),--data "$(answer)")

.PHONY: update-preview
update-preview: ## Show what make update would do, and change nothing
	@$(TEMPLATE) preview $(if $(TO),--to "$(TO)") $(foreach answer,$(SET),--data "$(answer)")

# What an update left for the generators to settle comes first.
.PHONY: settle
settle:
	@$(TEMPLATE) settle

sync: settle
