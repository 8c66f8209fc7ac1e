"""detect: scores every sample against what its series has been like."""
