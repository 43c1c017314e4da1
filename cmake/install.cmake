# Install rules, package files and CPack.
