"""What charging costs and how it is paid: tariffs, limits of transactions, prepaid accounts, payments without a contract."""
