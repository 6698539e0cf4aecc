// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title PlayMoney
/// @notice A token for trying out jobs that pay in one: anybody may mint, so it is worth nothing.
contract PlayMoney is ERC20("Play money", "PLAY") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
