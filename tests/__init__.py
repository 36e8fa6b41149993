"""The proof of the template: every variant is rendered, checked and run the way its owner would."""
