"""bare: takes a request and answers, nothing else; what the framework costs."""
