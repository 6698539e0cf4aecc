// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @title DevnetStrategy
/// @notice A strategy of EigenLayer's core for a local chain: one share is one unit of the token, for ever. EigenLayer's
/// own is not among the code its Rust bindings carry.
/// @dev The StrategyManager moves the tokens here before it calls {deposit}.
contract DevnetStrategy {
    using SafeERC20 for IERC20;

    address public immutable strategyManager;
    IERC20 public immutable underlyingToken;
    uint256 public totalShares;

    error OnlyStrategyManager();
    error OnlyUnderlyingToken();

    constructor(address strategyManager_, IERC20 underlyingToken_) {
        strategyManager = strategyManager_;
        underlyingToken = underlyingToken_;
    }

    modifier onlyStrategyManager(IERC20 token) {
        if (msg.sender != strategyManager) revert OnlyStrategyManager();
        if (token != underlyingToken) revert OnlyUnderlyingToken();
        _;
    }

    function deposit(IERC20 token, uint256 amount) external onlyStrategyManager(token) returns (uint256 shares) {
        totalShares += amount;
        return amount;
    }

    function withdraw(address recipient, IERC20 token, uint256 shares) external onlyStrategyManager(token) {
        totalShares -= shares;
        token.safeTransfer(recipient, shares);
    }

    function sharesToUnderlyingView(uint256 shares) external pure returns (uint256) {
        return shares;
    }

    function underlyingToSharesView(uint256 amount) external pure returns (uint256) {
        return amount;
    }
}
